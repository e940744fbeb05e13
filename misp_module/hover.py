"""Hover: MISP sends only the UUID of an attribute, so the response shows the stored verdicts
about its image.
"""

from contextlib import suppress

from douglas_quaid import Cluster, Correlator, Decision, NotFound

from .mapping import hover_object
from .messages import ModuleRequest, Response, hovered, text_row
from .nothing import BLANK, hides_hits, not_indexed, nothing_similar
from .settings import Settings
from .similar import in_existing_collections, similar_to

#: Clusters in a hover. chosen: what fits beside a table row.
SHOWN = 3
#: Clusters in a hover that was opened by a click. chosen.
SHOWN_ON_CLICK = 10
#: Clusters that are read when the settings filter them. chosen.
FILTERED = 50


def hover(engine: Correlator, request: ModuleRequest, settings: Settings) -> Response:
    """Return one object per cluster, by falling confidence, or a row of text that says why there is none.

    Raises StoreError, and ConfigError when none of the collections to search exists.
    """
    attribute = request.attributes[0]
    settings, note = in_existing_collections(engine, settings)
    (seen,) = engine.sightings([attribute.occurrence])
    if not seen:
        return text_row(not_indexed(engine, attribute))
    limit = min(SHOWN_ON_CLICK if request.persistent else SHOWN, settings.max_results)
    filtered = hides_hits(settings)
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
        return hovered([hover_object(similar, settings) for similar in found[:limit]], note=note)
    if not any(place.linked for place in seen):
        text = "Image indexed, but not compared with the others yet; try again in a moment."
    elif not any(_is_informative(engine, one.image_id) for one in seen):
        text = BLANK
    else:
        text = nothing_similar(engine, settings)
    return text_row(f"{text} {note}".rstrip())


def _is_informative(engine: Correlator, image_id: str) -> bool:
    with suppress(NotFound):  # forgotten meanwhile
        shown = engine.show(image_id)
        return not isinstance(shown, Cluster) and shown.informative
    return False
