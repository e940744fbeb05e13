"""Places in the store that this MISP no longer has, or that the filters no longer want, are withdrawn.

Deletions that MISP remembers come with the changes; attributes that were deleted for good, whole events and
such as were made less visible do not. So the places of the store are compared with all that MISP lists, and
MISP is asked again about each that is missing: what was added while we read, or hidden by a page that moved,
stays.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from douglas_quaid.engine import Engine
from douglas_quaid.inputs import in_groups

from .attribute import PREFIX
from .client import Client
from .filters import Filters
from .outcome import Outcome, Status
from .read import ASKED_BY_UUID
from .withdraw import withdraw

#: Places asked for in one go. chosen.
AT_ONCE = 500


def prune(
    engine: Engine,
    client: Client,
    filters: Filters,
    listed: Collection[str],
    tell: Callable[[Outcome], None],
    *,
    dry_run: bool,
) -> None:
    """`listed`: UUIDs of all attributes that MISP has and the filters want."""
    for some in in_groups(_missing(engine, client, filters, listed), ASKED_BY_UUID):
        there = {row.uuid for row in client.present(filters, some) if filters.passes(row) and not row.deleted}
        for attribute in some:
            if attribute in there:
                continue
            withdrawn = () if dry_run else withdraw(engine, PREFIX + attribute)
            image_id = withdrawn[0].image_id if withdrawn else None
            tell(
                Outcome(
                    attribute=attribute,
                    image_id=image_id,
                    status=Status.WOULD_WITHDRAW if dry_run else Status.WITHDRAWN,
                )
            )


def _missing(engine: Engine, client: Client, filters: Filters, listed: Collection[str]) -> Iterator[str]:
    """UUIDs of attributes whose place is in the store as one of this MISP (and, with a filter for one event,
    of that event).
    """
    asked: set[str] = set()
    for places in in_groups((str(place) for place in engine.occurrences(PREFIX)), AT_ONCE):
        for place, seen in zip(places, engine.sightings(places), strict=True):
            attribute = place.removeprefix(PREFIX)
            labels = seen[0].sighting.labels if seen else {}
            ours = labels.get("misp") == client.url and filters.event in (None, labels.get("event"))
            if ours and attribute not in listed and attribute not in asked:
                asked.add(attribute)
                yield attribute
