"""Enrichment: MISP sends the picture, the engine searches for it, and each hit becomes a MISP object."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from douglas_quaid import (
    Correlator,
    Decision,
    DouglasQuaidError,
    EmptyImage,
    ImageError,
    QueryResult,
    StoreTimeout,
    seconds_left,
)

from .attachment import decode_attachment, unpack_sample
from .mapping import expansion_object, queried_attribute
from .messages import ModuleRequest, QueriedAttribute, Response, enriched, without_objects
from .nothing import BLANK, nothing_similar
from .settings import Settings
from .similar import Similar, in_existing_collections, similar_to
from .text import harmless
from .workers import NoTime

log = logging.getLogger("misp-modules.image_correlation")

#: Bytes that an archive may have on top of the picture in it. chosen.
ARCHIVE_BYTES = 100_000
#: Share of the time after which a search ends with the candidates judged so far; the rest is for reading
#: where the hits were seen. chosen.
SEARCH_SHARE = 0.85

#: Error for a search that was cut short before it had a hit.
UNFINISHED = (
    "not all candidates were compared, and those that were compared gave no hit. Either the time was up"
    " (raise Plugin.Enrichment_timeout), or a record of the store is broken (see the log of misp-modules)"
)


def expand(engine: Correlator, request: ModuleRequest, settings: Settings) -> Response:
    """Return one object for each hit of each queried picture, or a text that says why there is none.

    Hits are returned even if other pictures of the request fail; a note says so. Raises ImageError when no
    picture can be read, NoTime when a search was cut short before it had a hit, any other StoreError, and
    ConfigError when none of the collections to search exists.
    """
    left = seconds_left()
    until = time.monotonic() + (request.seconds if left is None else left)
    settings, note = in_existing_collections(engine, settings)
    objects: list[Any] = []
    queried: list[Any] = []
    problems: list[ImageError | StoreTimeout] = []
    blank = 0
    for attribute in request.attributes:
        try:
            data = _picture_bytes(attribute, settings, until)
            if settings.index_query_image:  # before the query, so that the next enrichment returns the same
                _store(engine, data, attribute)
            found, result = _query(engine, data, attribute, settings, until)
            if not found and not result.complete:
                raise NoTime(UNFINISHED)
        except (ImageError, StoreTimeout) as error:
            log.warning("attribute %s: %s", attribute.uuid, harmless(str(error), limit=500))
            problems.append(error)
            continue
        blank += not found and not result.informative
        cut = "" if result.complete else "; not all candidates were compared"
        objects += [expansion_object(similar, attribute, settings, note=cut) for similar in found]
        queried += queried_attribute(attribute) if found else []
    unfinished = [problem for problem in problems if isinstance(problem, StoreTimeout)]
    if not objects and (unfinished or len(problems) == len(request.attributes)):
        raise (unfinished or problems)[0]
    notes = [*_about_pictures(request, problems), *filter(None, [note])]
    if objects:
        return enriched(objects, queried=queried, note=" ".join(notes))
    only_blank = blank == len(request.attributes) - len(problems)
    return without_objects(" ".join([BLANK if only_blank else nothing_similar(engine, settings), *notes]))


def _about_pictures(request: ModuleRequest, problems: Sequence[ImageError | StoreTimeout]) -> Iterator[str]:
    """What became of the pictures of an object that were not compared."""
    asked = len(request.attributes)
    if problems:
        reason = harmless(str(problems[0]), limit=300)
        yield f"{len(problems)} of {asked} pictures could not be compared: {reason}."
    if request.omitted:
        yield f"Only the first {asked} of {asked + request.omitted} pictures of the object were compared."


def _picture_bytes(attribute: QueriedAttribute, settings: Settings, until: float) -> bytes:
    if attribute.data is None:
        raise EmptyImage(
            f"{attribute.name}: the attribute has no data;"
            " MISP sends the file with Add enrichment and Enrich Event"
        )
    is_sample = attribute.type == "malware-sample"
    try:
        data = decode_attachment(
            attribute.data, max_bytes=settings.max_bytes + (ARCHIVE_BYTES if is_sample else 0)
        )
        return unpack_sample(data, max_bytes=settings.max_bytes, until=until) if is_sample else data
    except ImageError as error:
        raise type(error)(f"{attribute.name}: {error}") from None


def _query(
    engine: Correlator, data: bytes, attribute: QueriedAttribute, settings: Settings, until: float
) -> tuple[tuple[Similar, ...], QueryResult]:
    """Return the hits that the settings show, and the answer of the engine."""
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
    (names,) = engine.cluster_names([result.image_id]) if result.hits else [()]
    found = similar_to(engine, result.hits, attribute, settings)
    return tuple(replace(similar, queried_clusters=names) for similar in found), result


def _store(engine: Correlator, data: bytes, attribute: QueriedAttribute) -> None:
    """Add the picture to the store. A failure is only logged: the next enrichment or sync tries again."""
    has_number = attribute.event_id.isascii() and attribute.event_id.isdigit()
    try:
        (seen,) = engine.sightings([attribute.occurrence])
        # The labels that the sync has written tell more, so they are not replaced.
        labels = {"event_id": attribute.event_id} if has_number and not seen else {}
        engine.add(data, occurrence=attribute.occurrence, labels=labels, name=attribute.name)
    except DouglasQuaidError as error:
        log.warning("attribute %s could not be stored: %s", attribute.uuid, harmless(str(error), limit=500))
