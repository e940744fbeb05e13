"""One attribute into the engine: is it there already, add it, or take its place out of the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from douglas_quaid.engine import Engine
from douglas_quaid.errors import ImageError, UnsupportedImage
from douglas_quaid.records import Seen

from .attribute import Attribute
from .baseline import membership_labels
from .file import bytes_of
from .labels import clean
from .outcome import Outcome, Status
from .withdraw import FILLED, filled_by, withdraw

#: Labels that `--no-names` leaves out.
NAMES = ("filename", "info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How pictures are put into the store."""

    #: Base URL, kept as the label `misp`.
    misp: str
    #: Collection to fill.
    into: str | None = None
    #: Keep file names and event titles as labels.
    names: bool = True
    link: bool = True
    dry_run: bool = False


class Indexer:
    """Attributes of one MISP into one engine. `index` may be called by several threads."""

    def __init__(self, engine: Engine, manner: Manner) -> None:
        self._engine = engine
        self._manner = manner

    def known(self, attributes: Sequence[Attribute]) -> list[Outcome | None]:
        """For each attribute what is to be said without its file: known, withdrawn, gone; None when the file
        is needed.

        Withdraws what was deleted, and links what was stored but not linked.
        """
        places = self._engine.sightings([attribute.occurrence for attribute in attributes])
        return [self._known(attribute, seen) for attribute, seen in zip(attributes, places, strict=True)]

    def _known(self, attribute: Attribute, places: Sequence[Seen]) -> Outcome | None:
        if attribute.deleted:
            return self.withdraw(attribute) if places else Outcome.of(attribute, Status.GONE)
        current = [seen for seen in places if self._is_current(attribute, seen)]
        if len(current) != 1:
            return None
        (seen,) = current
        if not self._manner.dry_run:
            if self._manner.link and not seen.linked:
                self._engine.link(seen.image_id)
            if (
                len(places) > 1
            ):  # an earlier pass ended between adding the new bytes and withdrawing the old ones
                withdraw(self._engine, attribute.occurrence, keep=seen.image_id)
        return Outcome.of(attribute, Status.KNOWN, image_id=seen.image_id)

    def _is_current(self, attribute: Attribute, seen: Seen) -> bool:
        labels = seen.sighting.labels
        if labels.get("timestamp") != str(attribute.timestamp) or (
            not self._manner.names and any(name in labels for name in NAMES)
        ):
            return False
        return self._manner.into is None or self._is_member(attribute, seen.image_id)

    def _is_member(self, attribute: Attribute, image_id: str) -> bool:
        from douglas_quaid.answers import Description

        found = self._engine.show(image_id)
        memberships = found.info.memberships if isinstance(found, Description) else ()
        return any(
            member.name == self._manner.into and dict(member.labels) == membership_labels(attribute)
            for member in memberships
        )

    def index(self, attribute: Attribute) -> Outcome:
        """Add the picture that the attribute holds; never raises for one that cannot be used."""
        if not attribute.data:
            return Outcome.of(
                attribute,
                Status.WAITING,
                reason="MISP has no file for it; restore the file on the server of MISP, or delete the attribute",
            )
        try:
            data = bytes_of(attribute, max_bytes=self._engine.config.max_bytes)
            status, image_id = self._add(attribute, data)
            withdraw(self._engine, attribute.occurrence, keep=image_id)
            return Outcome.of(attribute, status, image_id=image_id)
        except ImageError as error:
            withdraw(self._engine, attribute.occurrence)
            is_none = isinstance(error, UnsupportedImage)
            return Outcome.of(
                attribute,
                Status.SKIPPED if is_none else Status.FAILED,
                reason=clean(str(error).removeprefix(f"{_name(attribute)}: ")),
            )

    def _add(self, attribute: Attribute, data: bytes) -> tuple[Status, str]:
        manner, name = self._manner, _name(attribute)
        first = None
        if manner.into is not None:  # first, so that linking knows that it is a baseline
            first = self._engine.add(
                data, collection=manner.into, labels=membership_labels(attribute), link=False, name=name
            )
        labels = {"event": attribute.event, "timestamp": str(attribute.timestamp), "misp": manner.misp}
        filled = manner.into or filled_by(self._engine, attribute.occurrence)
        labels |= {FILLED: filled} if filled else {}
        if manner.names:
            labels |= {"filename": clean(attribute.filename), "info": clean(attribute.info)}
        added = self._engine.add(
            data,
            occurrence=attribute.occurrence,
            labels=labels,
            seen=attribute.seen,
            link=manner.link,
            name=name,
        )
        return Status(
            added.status if first is None or first.status == "known" else first.status
        ), added.image_id

    def withdraw(self, attribute: Attribute) -> Outcome:
        """Its place out of the store."""
        if self._manner.dry_run:
            return Outcome.of(attribute, Status.WOULD_WITHDRAW)
        withdrawn = withdraw(self._engine, attribute.occurrence)
        return Outcome.of(attribute, Status.WITHDRAWN, image_id=withdrawn[0].image_id if withdrawn else None)


def _name(attribute: Attribute) -> str:
    """What errors call the picture."""
    return f"attribute {attribute.uuid}"
