"""Enrichment: MISP sends the picture, the engine compares it with all that is known, and each hit becomes an
object.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from douglas_quaid.answers import Hit
from douglas_quaid.deadline import seconds_left
from douglas_quaid.engine import Engine
from douglas_quaid.errors import ConfigError, DouglasQuaidError, EmptyImage, ImageError, StoreTimeout
from douglas_quaid.records import Decision

from .answers import Answer, nothing, objects
from .mapping import Similar, echo, expansion_object
from .picture import attached, sample
from .request import Attribute, Question
from .same_event import own_events, without_events
from .settings import Settings
from .text import harmless
from .workers import NoTime

log = logging.getLogger("misp-modules.image_correlation")

#: What an archive may have on top of the picture it holds. chosen.
ARCHIVE_BYTES = 100_000
#: Share of the time after which a search ends with what it has judged; the rest reads where the hits were
#: seen. chosen.
SEARCH_SHARE = 0.85

UNFINISHED = (
    "not all candidates were compared, and there is no hit among those that were:"
    " the time was up (raise Plugin.Enrichment_timeout), or a record of the store is broken (see the log of misp-modules)"
)


@dataclass(frozen=True, slots=True)
class Asked:
    found: tuple[Similar, ...]
    #: Whether all candidates were compared.
    complete: bool


def expand(engine: Engine, question: Question, settings: Settings) -> Answer:
    """Raises ImageError when none of the pictures can be read, StoreError; a broken picture beside a good one
    is logged.

    Hits that were found are told, whatever happened to the other pictures.
    """
    left = seconds_left()
    until = time.monotonic() + (question.seconds if left is None else left)
    check_names(engine, settings)
    made, echoed = [], []
    problems: list[ImageError | StoreTimeout] = []
    for attribute in question.attributes:
        try:
            data = _bytes(attribute, settings, until)
            if (
                settings.index_query_image
            ):  # before it is asked for, so that the next enrichment has the same answer
                _keep(engine, data, attribute)
            asked = _ask(engine, data, attribute, settings, until)
            if not asked.found and not asked.complete:
                raise NoTime(UNFINISHED)
        except (ImageError, StoreTimeout) as error:
            log.warning("attribute %s: %s", attribute.uuid, harmless(str(error), most=500))
            problems.append(error)
            continue
        note = "" if asked.complete else "; not all candidates were compared"
        made += [expansion_object(similar, attribute, settings, note=note) for similar in asked.found]
        echoed += echo(attribute) if asked.found else []
    unfinished = [problem for problem in problems if isinstance(problem, StoreTimeout)]
    if not made and (unfinished or len(problems) == len(question.attributes)):
        raise (unfinished or problems)[0]
    return objects(made, echoed=echoed) if made else nothing()


def _bytes(attribute: Attribute, settings: Settings, until: float) -> bytes:
    if attribute.data is None:
        raise EmptyImage(
            f"{attribute.name}: the attribute has no data; MISP sends it with Add enrichment and Enrich Event"
        )
    try:
        if attribute.type == "malware-sample":
            return sample(
                attached(attribute.data, max_bytes=settings.max_bytes + ARCHIVE_BYTES),
                max_bytes=settings.max_bytes,
                until=until,
            )
        return attached(attribute.data, max_bytes=settings.max_bytes)
    except ImageError as error:
        raise type(error)(f"{attribute.name}: {error}") from None


def _ask(engine: Engine, data: bytes, attribute: Attribute, settings: Settings, until: float) -> Asked:
    result = engine.query(
        data,
        limit=settings.max_results,
        deadline=max((until - time.monotonic()) * SEARCH_SHARE, 0),
        collection=settings.collections or None,
        min_decision=Decision.REVIEW if settings.include_review else Decision.MATCH,
        exclude=[attribute.occurrence],
        include_same_template=settings.include_same_template,
        name=attribute.name,
    )
    return Asked(similar_to(engine, result.hits, attribute, settings), result.complete)


def similar_to(
    engine: Engine, hits: tuple[Hit, ...], attribute: Attribute, settings: Settings
) -> tuple[Similar, ...]:
    """The hits with where their pictures were seen; those that say nothing beyond the queried attribute (and,
    if so set, its event) left out.
    """
    histories = engine.histories(hits, besides=attribute.occurrence)
    found = tuple(Similar(hit, history) for hit, history in zip(hits, histories, strict=True))
    if not settings.include_same_event:
        events = own_events(engine, attribute)
        found = tuple(Similar(similar.hit, without_events(similar.history, events)) for similar in found)
    return tuple(
        similar
        for similar in found
        if similar.history.count or similar.memberships or not similar.hit.occurrence_count
    )


def check_names(engine: Engine, settings: Settings) -> None:
    """Raises ConfigError for a collection that was never created: a misspelt name must not look like an empty
    answer.
    """
    named = set(settings.collections) | settings.disclose.collections
    unknown = sorted(named - {collection.name for collection in engine.collections()}) if named else []
    if unknown:
        raise ConfigError(
            f"there is no collection {unknown[0]!r}, which “collections” or “disclose” of this module names; see quaid collection list"
        )


def _keep(engine: Engine, data: bytes, attribute: Attribute) -> None:
    """The picture is asked for whether or not it could be kept; the next enrichment or `quaid misp sync`
    tries again.
    """
    known = attribute.event_id.isascii() and attribute.event_id.isdigit()
    try:
        (seen,) = engine.sightings([attribute.occurrence])
        labels = (
            {"event_id": attribute.event_id} if known and not seen else {}
        )  # those that the sync wrote say more
        engine.add(data, occurrence=attribute.occurrence, labels=labels, name=attribute.name)
    except DouglasQuaidError as error:
        log.warning("attribute %s could not be kept: %s", attribute.uuid, harmless(str(error), most=500))
