"""Which names of clusters an object carries, so that MISP correlates the events of one picture.

MISP connects events that have an equal value. Copies of a picture are in one cluster, so both sides carry its
name. A picture inside another one is not in its cluster: both sides carry the name of the picture that holds
the other. If both carried that of the part, a logo would connect all pages that show it.
"""

from enum import Enum

from douglas_quaid import Evidence, Hit, Relation

#: Difference of the covered shares from which the picture of which less is covered holds the other. chosen:
#: a query and a stored verdict measure a pair by a few hundredths differently.
CLEAR_DIFFERENCE = 0.1


class Holder(str, Enum):
    """Which picture of a pair holds the other."""

    #: The queried one.
    QUERY = "query"
    #: The one of the hit.
    HIT = "hit"
    #: Neither clearly holds the other.
    NEITHER = "neither"


def holder(evidence: Evidence) -> Holder:
    """Return which picture holds the other; neither where both are covered about as much."""
    more = (evidence.covered_query or 0.0) - (evidence.covered_reference or 0.0)
    if abs(more) < CLEAR_DIFFERENCE:
        return Holder.NEITHER
    return Holder.HIT if more > 0 else Holder.QUERY


def cluster_names(hit: Hit, queried: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of clusters for the object of this hit, the most important first.

    `queried` are the names of the queried picture's own cluster; empty if the picture is not stored.
    """
    found = hit.clusters
    if not queried or not found or queried[0] == found[0]:
        return found
    holds = holder(hit.evidence) if hit.relation is Relation.PARTIAL else Holder.NEITHER
    if holds is Holder.QUERY:
        return queried
    if holds is Holder.HIT:
        # Its own name as well: the page may have been enriched before it was stored, when its object got the
        # name of its part.
        return found[0], queried[0], *found[1:]
    # Copies that did not join, such as links of a chain, and pictures that share a part.
    return *sorted([found[0], queried[0]]), *found[1:], *queried[1:]
