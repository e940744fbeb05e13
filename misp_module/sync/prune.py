"""Removes occurrences from the store that this MISP no longer has, or that no longer pass the filters.

A normal pass learns of soft deletions only. It does not learn of attributes and events that were deleted for
good, nor of those that became less visible. So the occurrences in the store are compared with everything that
MISP lists, and MISP is asked again about each that is missing: an attribute that was added meanwhile, or that
moved between two pages, is kept.
"""

from collections.abc import Callable, Collection, Iterator

from douglas_quaid.batches import in_groups
from douglas_quaid.engine import Engine

from ..attributes import OCCURRENCE_PREFIX
from .attribute import Filters
from .client import Client
from .index import withdraw
from .outcome import Outcome, Status
from .read import UUIDS_PER_REQUEST

#: Occurrences that are read from the store in one go. chosen.
OCCURRENCES_PER_READ = 500


def prune(
    engine: Engine,
    client: Client,
    filters: Filters,
    listed: Collection[str],
    report: Callable[[Outcome], None],
    *,
    dry_run: bool,
) -> None:
    """Remove what is missing in `listed`, the UUIDs of all attributes that MISP has and that pass the
    filters.

    Raises MispAway, MispRefused, StoreError.
    """
    status = Status.WOULD_WITHDRAW if dry_run else Status.WITHDRAWN
    for group in in_groups(_missing(engine, client, filters, listed), UUIDS_PER_REQUEST):
        rows = client.present(filters, group)
        there = {row.uuid for row in rows if filters.passes(row) and not row.deleted}
        for attribute in group:
            if attribute in there:
                continue
            withdrawn = () if dry_run else withdraw(engine, OCCURRENCE_PREFIX + attribute)
            image_id = withdrawn[0].image_id if withdrawn else None
            report(Outcome(attribute=attribute, image_id=image_id, status=status))


def _missing(engine: Engine, client: Client, filters: Filters, listed: Collection[str]) -> Iterator[str]:
    """UUIDs of this MISP's attributes in the store that are not listed; with a filter for an event, of its
    own.
    """
    missing: set[str] = set()
    occurrences = map(str, engine.occurrences(OCCURRENCE_PREFIX))
    for places in in_groups(occurrences, OCCURRENCES_PER_READ):
        for place, seen in zip(places, engine.sightings(places), strict=True):
            attribute = place.removeprefix(OCCURRENCE_PREFIX)
            labels = seen[0].sighting.labels if seen else {}
            ours = labels.get("misp") == client.url and filters.event in (None, labels.get("event"))
            if ours and attribute not in listed and attribute not in missing:
                missing.add(attribute)
                yield attribute
