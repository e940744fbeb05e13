"""What the settings allow to tell about the picture of a hit: names, hashes and labels.

What may be disclosed of one image of a cluster may not of the others, and what may be disclosed of an image
in a collection may not of all its sightings.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from douglas_quaid import Membership

from .settings import Settings
from .similar import Similar
from .text import harmless

#: What MISP saves under the type domain; it refuses anything else, such as the address of a page. chosen.
_DOMAIN = re.compile(r"[\w.-]+\.[\w-]{2,}")


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What may be told; empty where it is unknown or secret."""

    #: Labels of the legitimate page, from a baseline.
    page: Mapping[str, str]
    #: Collections that hold the image or another of its cluster.
    collections: tuple[str, ...]
    #: File name of the hit's image.
    filename: str
    #: Hash of the hit's image.
    sha256: str

    @classmethod
    def of(cls, similar: Similar, settings: Settings) -> "Disclosed":
        """Return what these settings disclose about a hit."""
        hit, everything = similar.hit, settings.disclose.everything
        own = _allowed(hit.collections, settings)
        memberships = _allowed(similar.memberships, settings)
        named = [membership.labels for membership in own]
        named += [sighting.labels for sighting in similar.history.sightings] if everything else []
        filename = next((labels["filename"] for labels in named if labels.get("filename")), "")
        return cls(
            page=_page_labels(memberships),
            collections=tuple(harmless(membership.name) for membership in memberships),
            filename=harmless(filename),
            sha256=hit.image_id if own or everything else "",
        )

    @classmethod
    def nothing(cls) -> "Disclosed":
        """Return what tells nothing."""
        return cls({}, (), "", "")

    @property
    def brand(self) -> str:
        """The owner of the page."""
        return harmless(self.page.get("brand", ""))

    @property
    def domain(self) -> str:
        """The domain of the page, if MISP takes it for one."""
        name = harmless(self.page.get("domain", ""))
        return name if _DOMAIN.fullmatch(name) else ""


def _allowed(memberships: Iterable[Membership], settings: Settings) -> list[Membership]:
    return [membership for membership in memberships if settings.disclose.covers(membership.name)]


def _page_labels(memberships: Iterable[Membership]) -> Mapping[str, str]:
    """The labels of the first collection that has a brand or a domain."""
    for membership in memberships:
        if membership.labels.get("brand") or membership.labels.get("domain"):
            return membership.labels
    return {}
