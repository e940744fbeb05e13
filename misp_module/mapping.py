"""A hit becomes one `image-similarity` object: what MISP's pages, its correlation engine and its tags can
make of it.

Only names and hashes that the settings disclose are told. Values are the same for the same question, so that
MISP recognises an object it has already; nothing points into another event; nothing is for intrusion
detection systems; only a match correlates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from douglas_quaid.answers import History, Hit
from douglas_quaid.decision.decide import LOOKS_LIKE
from douglas_quaid.decision.likelihood import band
from douglas_quaid.records import Decision, Evidence, Membership, Relation, Sighting

from .request import Attribute, is_uuid
from .settings import Settings
from .template import NAME, definition
from .text import harmless

if TYPE_CHECKING:
    from pymisp import MISPObject

#: Events and attributes named in one object; the count says how many there are. chosen.
MOST_PLACES = 5
#: Names of a cluster told: the canonical one and the latest of its former ones. chosen.
MOST_NAMES = 20

#: spec: MISP's list of relationship types; `same-as` where the bytes are the same.
_REFERENCES = {Decision.MATCH: "similar", Decision.REVIEW: "related-to", Decision.NO_MATCH: "related-to"}

#: chosen: MISP refuses to save anything else under the type domain, such as the address of a page.
_DOMAIN = re.compile(r"[\w.-]+\.[\w-]{2,}")

#: What a hover shows, in this order; it has no room for more.
_HOVER = ("seen", "verdict", "score", "relation", "evidence", "brand", "domain", "filename", "event", "link")


@dataclass(frozen=True, slots=True)
class Place:
    """An attribute of a MISP that holds a picture."""

    attribute: str
    #: UUID of its event, or the event's number where that is all that is known; empty when nothing is.
    event: str


@dataclass(frozen=True, slots=True)
class Similar:
    """A hit, and where its picture was seen."""

    hit: Hit
    history: History

    @property
    def memberships(self) -> tuple[Membership, ...]:
        return self.hit.collections + tuple(
            other for other in self.history.memberships if other not in self.hit.collections
        )


def expansion_object(similar: Similar, attribute: Attribute, settings: Settings, *, note: str = "") -> Any:
    """The object of an enrichment, as JSON; it refers to the queried attribute. `note`: what else its comment
    says.
    """
    made = _new_object()
    hit = similar.hit
    made.comment = f"{hit.decision.value} ({_score(hit)}) with {attribute.name}" + note
    made.add_reference(attribute.uuid, "same-as" if hit.evidence.same_bytes else _REFERENCES[hit.decision])
    for relation, values in _values(similar, settings).items():
        for value in values:
            added = _add(made, relation, value, hit.decision)
            if relation == "verdict":
                for name, local in _tags(hit):
                    added.add_tag(name=name, local=True) if local else added.add_tag(name=name)
    return json.loads(made.to_json())


def hover_object(similar: Similar, settings: Settings) -> Any:
    """The same in fewer lines, how often it was seen first; without links that nobody can follow."""
    made = _new_object()
    values = _values(similar, settings)
    for relation in _HOVER:
        for value in values.get(relation, ())[:3]:
            _add(made, relation, value, similar.hit.decision)
    return json.loads(made.to_json())


def echo(attribute: Attribute) -> list[dict[str, Any]]:
    """The queried attribute, so that MISP's preview can name it; it recognises its own and adds nothing.

    Left out inside an object, where MISP would not recognise it, and where its text would not come back from
    MISP's pages as it was.
    """
    shown = {
        "type": attribute.type,
        "category": attribute.category,
        "value": attribute.value,
        "comment": attribute.comment,
    }
    unchanged = all(
        text == harmless(text, most=1000) for text in (attribute.value, attribute.comment, attribute.category)
    )
    sound = unchanged and attribute.value and attribute.category
    return (
        [{"uuid": attribute.uuid, **shown, "to_ids": False, "disable_correlation": True}]
        if sound and not attribute.in_object
        else []
    )


def places(sightings: Iterable[Sighting]) -> tuple[Place, ...]:
    """The attributes of MISP among them, in their order, each once."""
    found = {}
    for sighting in sightings:
        if (sighting.occurrence.host, sighting.occurrence.kind) == ("misp", "attribute") and is_uuid(
            sighting.occurrence.id
        ):
            found.setdefault(sighting.occurrence.id, Place(sighting.occurrence.id, _event(sighting.labels)))
    return tuple(found.values())


def seen_in_words(similar: Similar) -> str:
    """Such as: seen 14 times in 6 events since 2026-03-02."""
    history = similar.history
    if not history.count or history.first_seen is None:
        return (
            "kept in a collection, and seen nowhere"
            if similar.memberships
            else "no place is known where it was seen"
        )
    known = places(history.sightings)
    events = len({place.event for place in known if place.event})
    least = "" if history.complete else "at least "
    times = "once" if history.count == 1 else f"{least}{history.count:,} times"
    where = f" in {least}{events:,} event{'s' if events > 1 else ''}" if events else ""
    if not history.complete:
        return f"seen {times}{where}"
    when = history.first_seen.astimezone(timezone.utc).date().isoformat()
    return f"seen {times}{where}, on {when}" if history.count == 1 else f"seen {times}{where} since {when}"


def _values(similar: Similar, settings: Settings) -> dict[str, tuple[str, ...]]:
    """Value by relation, in the order in which MISP shows them; relations without a value are absent."""
    hit, history = similar.hit, similar.history
    labels = _page_labels(similar, settings)
    known = places(history.sightings)[: 4 * MOST_PLACES]
    events = tuple(dict.fromkeys(place.event for place in known if place.event))[:MOST_PLACES]
    # What may be told of one image of a cluster may not of the others, and what of an image in a collection
    # not of all its places.
    told = settings.disclose.covers(hit.collections)
    named = [settings.disclose.labels(membership) for membership in hit.collections]
    named += [sighting.labels for sighting in history.sightings] if settings.disclose.everything else []
    values: dict[str, tuple[str, ...]] = {
        "verdict": (hit.decision.value,),
        "score": (_score(hit),),
        "relation": (hit.relation.value,) if hit.relation else (),
        "evidence": (_evidence(hit, labels),),
        "method": _methods(hit.evidence),
        "seen": (seen_in_words(similar),),
        "seen-count": (str(history.count),) if history.count and history.complete else (),
        "first-seen": _moment(history.first_seen if history.complete else None),
        "last-seen": _moment(history.last_seen if history.complete else None),
        "event": events,
        "attribute-uuid": tuple(
            place.attribute for place in known if not place.event or place.event in events
        )[:MOST_PLACES],
        "brand": _told(labels.get("brand")),
        "domain": tuple(name for name in _told(labels.get("domain")) if _DOMAIN.fullmatch(name)),
        "collection": tuple(harmless(m.name) for m in similar.memberships if settings.disclose.covers([m])),
        "filename": _told(next((labels["filename"] for labels in named if labels.get("filename")), None)),
        "sha256": (hit.image_id,) if told else (),
        "cluster": hit.clusters[:MOST_NAMES],
        "link": tuple(f"{settings.misp_url}/events/view/{event}" for event in events)
        if settings.misp_url
        else (),
    }
    return {relation: found for relation, found in values.items() if found}


def _score(hit: Hit) -> str:
    return f"{hit.confidence:.3f}"


def _evidence(hit: Hit, labels: Mapping[str, str]) -> str:
    """The sentence of the engine; for a legitimate page that may be named, what it is comes first."""
    if not labels.get("brand") and not labels.get("domain"):
        return harmless(hit.sentence, most=500)
    owner = labels.get("brand") or labels["domain"]
    known_as = f" ({labels['domain']})" if labels.get("brand") and labels.get("domain") else ""
    page = f"the {labels.get('page') or 'page'} of {owner}{known_as}"
    measured = hit.sentence.removesuffix(f"; {LOOKS_LIKE}")
    if hit.relation is Relation.LOOKS_LIKE:
        return harmless(f"looks like {page}, but is not a picture of it: {measured}", most=500)
    return harmless(f"shows {page}: {measured}", most=500)


def _page_labels(similar: Similar, settings: Settings) -> Mapping[str, str]:
    """Labels of the first collection that has a brand or a domain and may be told of."""
    for membership in similar.memberships:
        labels = settings.disclose.labels(membership)
        if labels.get("brand") or labels.get("domain"):
            return labels
    return {}


def _methods(evidence: Evidence) -> tuple[str, ...]:
    measured = {
        "bytes": evidence.same_bytes,
        "pixels": evidence.same_pixels,
        "pdq": evidence.pdq_bits is not None,
        "local-features": evidence.inliers is not None,
        "content": evidence.content_agreement is not None,
    }
    return tuple(method for method, used in measured.items() if used)


def _tags(hit: Hit) -> list[tuple[str, bool]]:
    """Name, and whether the tag stays on this MISP."""
    tags = [
        ('misp:automation-level="unsupervised"', False),
        (f'estimative-language:likelihood-probability="{band(hit.confidence)}"', False),
    ]
    return tags + ([('workflow:todo="review"', True)] if hit.decision is Decision.REVIEW else [])


def _event(labels: Mapping[str, str]) -> str:
    uuid, number = labels.get("event", ""), labels.get("event_id", "")
    return uuid.lower() if is_uuid(uuid) else number if number.isascii() and number.isdigit() else ""


def _moment(moment: datetime | None) -> tuple[str, ...]:
    return () if moment is None else (moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S+00:00"),)


def _told(text: str | None) -> tuple[str, ...]:
    shown = harmless(text) if text else ""
    return (shown,) if shown else ()


def _new_object() -> MISPObject:
    from pymisp import MISPObject

    return MISPObject(NAME, strict=True, standalone=False, misp_objects_template_custom=definition())


def _add(made: MISPObject, relation: str, value: str, decision: Decision) -> Any:
    correlates = relation in ("sha256", "cluster") and decision is Decision.MATCH
    return made.add_attribute(relation, value=value, to_ids=False, disable_correlation=not correlates)
