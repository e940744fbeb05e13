"""Hits together with where their pictures were seen, and which of them the settings of the module show."""

from dataclasses import dataclass, replace

from douglas_quaid import ConfigError, Correlator, History, Hit, Membership, Sighting
from douglas_quaid.records import NotedRegion

from .messages import QueriedAttribute
from .settings import Settings
from .text import harmless


@dataclass(frozen=True, slots=True)
class Similar:
    """A hit, and where its picture was seen."""

    #: The hit of the engine.
    hit: Hit
    #: Sightings of the hit's image and of the other images of its cluster.
    history: History
    #: What is noted about the common region that the hit rests on; None if it rests on none.
    region: NotedRegion | None = None
    #: Names of the cluster of the queried picture; empty if it is not stored, and in a hover.
    queried_clusters: tuple[str, ...] = ()

    @property
    def memberships(self) -> tuple[Membership, ...]:
        """The collections of the hit's image first, then those of the other images of its cluster."""
        return self.hit.collections + tuple(
            other for other in self.history.memberships if other not in self.hit.collections
        )


def similar_to(
    engine: Correlator, hits: tuple[Hit, ...], attribute: QueriedAttribute, settings: Settings
) -> tuple[Similar, ...]:
    """Return the hits with their histories.

    A hit that was seen only at the queried attribute is left out, and so is one that was seen only in its
    event if the settings exclude that event.
    """
    histories = engine.histories(hits, besides=attribute.occurrence)
    if not settings.include_same_event:
        events = _events_of(engine, attribute)
        histories = [_without_events(history, events) for history in histories]
    return tuple(
        similar
        for similar in map(Similar, hits, histories, _regions(engine, hits))
        if similar.history.count or similar.memberships or not similar.hit.occurrence_count
    )


def _regions(engine: Correlator, hits: tuple[Hit, ...]) -> list[NotedRegion | None]:
    """What is noted about the common regions that are all that hits share with the picture."""
    common = [hit.image_id for hit in hits if hit.evidence.common_region_pictures is not None]
    noted = dict(zip(common, engine.common_regions(common), strict=True)) if common else {}
    return [noted.get(hit.image_id) for hit in hits]


def in_existing_collections(engine: Correlator, settings: Settings) -> tuple[Settings, str]:
    """Return the settings with those collections to search that exist, and a note about all that do not.

    A collection may be named before it is filled, and a misspelt name must not look like an empty result.
    Raises ConfigError when none of the collections to search exists.
    """
    named = {"collections": settings.collections, "disclose": sorted(settings.disclose.collections)}
    if not any(named.values()):
        return settings, ""
    existing = {collection.name for collection in engine.collections()}
    notes = [
        f"There is no collection “{harmless(name)}”, which the setting “{setting}” of this module names"
        " (quaid collection list shows the existing ones)."
        for setting, names in named.items()
        for name in names
        if name not in existing
    ]
    searched = tuple(name for name in settings.collections if name in existing)
    if settings.collections and not searched:
        raise ConfigError(" ".join(notes))
    return replace(settings, collections=searched), " ".join(notes)


def _events_of(engine: Correlator, attribute: QueriedAttribute) -> frozenset[str]:
    """Return UUID and number of the attribute's event, as far as they are known; MISP sends only
    the number.
    """
    (seen,) = engine.sightings([attribute.occurrence])
    known = (name for found in seen for name in _event_names(found.sighting))
    return frozenset(filter(None, (attribute.event_id, *known)))


def _without_events(history: History, events: frozenset[str]) -> History:
    """Return the history without the sightings in these events."""
    kept = tuple(seen for seen in history.sightings if not events.intersection(_event_names(seen)))
    rest = replace(history, sightings=kept, count=history.count - len(history.sightings) + len(kept))
    if not history.complete:
        return rest
    return replace(
        rest,
        first_seen=min((seen.first_seen for seen in kept), default=None),
        last_seen=max((seen.last_seen for seen in kept), default=None),
    )


def _event_names(sighting: Sighting) -> tuple[str, str]:
    return sighting.labels.get("event", ""), sighting.labels.get("event_id", "")
