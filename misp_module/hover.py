"""Hover: MISP sends only the UUID of an attribute, so the response shows the stored verdicts
about its image.
"""

from douglas_quaid import Decision, Engine

from .mapping import hover_object
from .messages import ModuleRequest, Response, text_row, with_objects
from .settings import Settings
from .similar import require_collections, similar_to

#: Clusters in a hover. chosen: what fits beside a table row.
SHOWN = 3
#: Clusters in a hover that was opened by a click. chosen.
SHOWN_ON_CLICK = 10
#: Clusters that are read when the settings filter them. chosen.
FILTERED = 50


def hover(engine: Engine, request: ModuleRequest, settings: Settings) -> Response:
    """Return one object per cluster, by falling confidence, or a row of text that says why there is none.

    Raises StoreError, and ConfigError for settings that name an unknown collection.
    """
    attribute = request.attributes[0]
    require_collections(engine, settings)
    (seen,) = engine.sightings([attribute.occurrence])
    if not seen:
        return text_row(
            "Image not indexed yet: use Add enrichment, or ask the administrator to run quaid misp sync."
        )
    limit = min(SHOWN_ON_CLICK if request.persistent else SHOWN, settings.max_results)
    filtered = settings.collections or not settings.include_review or not settings.include_same_event
    hits = engine.hits(
        attribute.occurrence, limit=FILTERED if filtered else limit, per_cluster=True, elsewhere=True
    )
    if not settings.include_review:
        hits = tuple(hit for hit in hits if hit.decision is Decision.MATCH)
    found = similar_to(engine, hits, attribute, settings)
    if settings.collections:  # a hit represents its cluster, and any member may be in the collection
        found = tuple(
            similar
            for similar in found
            if any(membership.name in settings.collections for membership in similar.memberships)
        )
    if found:
        return with_objects([hover_object(similar, settings) for similar in found[:limit]], queried=None)
    if not any(place.linked for place in seen):
        return text_row("Image indexed, but not compared with the others yet; try again in a moment.")
    shown = " that the settings of this module show" if filtered else ""
    return text_row(f"No similar image{shown} among {engine.count():,} indexed images.")
