"""Hover: MISP sends no picture, only the attribute's UUID, so the answer is what `link` has stored about the
image seen there.
"""

from __future__ import annotations

from douglas_quaid.engine import Engine
from douglas_quaid.records import Decision

from .answers import Answer, objects, said
from .expand import check_names, similar_to
from .mapping import hover_object
from .request import Question
from .settings import Settings

#: Clusters in a hover. chosen: what fits beside a table row.
SHOWN = 3
SHOWN_ON_CLICK = 10
#: Clusters that are read where the settings leave some of them out. chosen.
FILTERED = 50


def hover(engine: Engine, question: Question, settings: Settings) -> Answer:
    """One object a cluster, the surest first, or a line that says why there is none. Raises StoreError,
    ConfigError.
    """
    attribute = question.attributes[0]
    check_names(engine, settings)
    (seen,) = engine.sightings([attribute.occurrence])
    if not seen:
        return said(
            "Image not indexed yet: use Add enrichment, or ask the administrator to run quaid misp sync."
        )
    most = min(SHOWN_ON_CLICK if question.persistent else SHOWN, settings.max_results)
    filtered = settings.collections or not settings.include_review or not settings.include_same_event
    hits = engine.hits(
        attribute.occurrence, limit=FILTERED if filtered else most, per_cluster=True, elsewhere=True
    )
    if not settings.include_review:
        hits = tuple(hit for hit in hits if hit.decision is Decision.MATCH)
    found = similar_to(engine, hits, attribute, settings)
    if settings.collections:  # a hit stands for its cluster, any member of which may be in the collection
        found = tuple(
            similar
            for similar in found
            if any(membership.name in settings.collections for membership in similar.memberships)
        )
    found = found[:most]
    if found:
        return objects([hover_object(similar, settings) for similar in found], echoed=None)
    if not any(place.linked for place in seen):
        return said("Image indexed, but not compared with the others yet; ask again in a moment.")
    shown = " that the settings of this module show" if filtered else ""
    return said(f"No similar image{shown} among {engine.count():,} indexed images.")
