"""One search: the query, and all that its steps share. The steps are the files beside this one.

candidates.py -> verified.py -> context/ -> ../decision/ -> hits.py
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..deadline import Timer
from ..decision.calibration import Calibration
from ..decision.options import VerdictOptions
from ..features.picture import Picture
from ..index.replica import IndexReplica
from ..records import ImageId
from ..store import Scope
from ..verification.options import VerificationOptions
from .brands import Brands
from .options import SearchOptions
from .references import References

#: Cluster of each image, None for those in none; one round trip to the store.
ClusterOf = Callable[[Sequence[ImageId]], Sequence[str | None]]
#: Those that represent the cluster of each image, empty for one alone; two round trips to the store.
RepresentativesOf = Callable[[Sequence[ImageId]], Sequence[Sequence[ImageId]]]


def pictures_of(cluster_of: ClusterOf, ids: Sequence[ImageId]) -> list[str]:
    """Return what tells pictures apart: the cluster of each image, or its own id where it is in none."""
    clusters = zip(ids, cluster_of(ids), strict=True)
    return [image_id if cluster is None else cluster for image_id, cluster in clusters]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Search:
    """What all steps of one search share."""

    #: The query.
    query: Picture
    #: The images that are searched, as of the beginning.
    index: IndexReplica
    #: Which of them may be found.
    scope: Scope
    #: What verdicts are decided by.
    calibration: Calibration
    #: When the time is up.
    timer: Timer
    #: When no more pairs are looked at closely (`with_differences`).
    closer: Timer
    #: Reads stored pictures.
    references: References
    #: Compares the query with the pages of baselines.
    brands: Brands
    #: Looks up clusters.
    cluster_of: ClusterOf
    #: Looks up who represents a cluster.
    representatives_of: RepresentativesOf
    #: How candidates are found, and what their context is.
    options: SearchOptions
    #: How pairs are measured.
    verification: VerificationOptions
    #: How evidence becomes a verdict.
    verdict: VerdictOptions
    #: Whether the verdicts are kept on both sides, so that the query may be the page of a baseline that a
    #: candidate looks like.
    both_ways: bool = False

    @property
    def images(self) -> int:
        """Return the number of images that may be found."""
        return len(self.index) if self.scope.members is None else len(self.scope.members)

    @property
    def complete(self) -> bool:
        """Return whether nothing was left out so far, by the deadline or for a record that is broken."""
        return not self.timer.cuts and not self.references.unreadable

    def is_baseline(self, image_id: ImageId) -> bool:
        """Return whether one side of the pair with this image is a page that the other may look like."""
        query_is = self.both_ways and self.query.features.image_id in self.scope.baseline
        return query_is or image_id in self.scope.baseline
