"""The stratum "clones": many captures of one template must not hide the page that is the query.

Takes pairs of pages that share a template, as the run itself met them. Near copies of one page are indexed
and linked, and the other page is the query, after edits. This happens in a throwaway store among other pages
of the same set, because a store that is kept should not fill with copies.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..engine import Engine
from ..records import Relation
from . import edits, strata
from .dataset import Dataset, Item
from .engine_calls import Failure, QueryResponse, fingerprint, index_pictures, run_query
from .ground_truth import GroundTruth
from .queries import EvaluationQuery, make_query
from .results import LabelledPair

#: Number of near copies of the template's other page. chosen: twice as many as candidates by visual words.
COPIES = 50
#: Maximum number of other pages of the same set that are indexed, too. chosen.
NEIGHBOURS = 60
#: Edits of the query. chosen: one of each kind.
CLONE_EDITS = ("resize_50", "browser_bar", "crop_75", "banner", "mirror")


@dataclass(frozen=True, slots=True)
class Template:
    """Two pages that share a template."""

    #: The page whose near copies are indexed.
    copied: Item
    #: The page that is the query.
    queried: Item

    @property
    def last_query(self) -> EvaluationQuery:
        """The query that ends this template's part of a run."""
        return EvaluationQuery(self.queried, CLONE_EDITS[-1], strata.CLONES, frozenset())


def find_templates(pairs: Iterable[LabelledPair], truth: GroundTruth, count: int) -> list[Template]:
    """Return at most `count` pairs of indexed pages that are called same-template, those with most inliers
    first, and no two pages of one set.
    """
    of_set: dict[str, tuple[int, str, Template]] = {}
    for pair in pairs:
        query, reference = (truth.dataset.by_file.get(file) for file in (pair.query, pair.reference))
        if (
            query is not None
            and reference is not None
            and pair.verdict.relation is Relation.SAME_TEMPLATE
            and pair.label is False
            and not pair.edit
            and (query.indexed and query.queried and reference.indexed)
        ):
            inliers = pair.verdict.evidence.inliers or 0
            if inliers > (of_set[query.set][0] if query.set in of_set else 0):
                of_set[query.set] = (inliers, query.file, Template(reference, query))
    best = sorted(of_set.values(), key=lambda found: (-found[0], found[1]))
    return [template for _, _, template in best[:count]]


def query_among_clones(
    template: Template, truth: GroundTruth, engine: Engine, *, copies: int = COPIES
) -> Iterator[tuple[GroundTruth, QueryResponse | Failure]]:
    """Fill the empty store of `engine` and run the queries; yield the ground truth of this small set and each
    response. `copies`: number of near copies.

    Raises StoreError and ImageError.
    """
    copied, queried = template.copied, template.queried
    near = [
        item
        for item in truth.dataset.indexed
        if item.set == queried.set and item.group not in (queried.group, copied.group)
    ]
    items = [copied, queried, *near[:NEIGHBOURS]]
    fingerprints, _ = index_pictures(engine, items, threads=1, progress=lambda work, _: work)
    original = edits.opened(copied.path)
    clones = [replace(copied, file=f"{copied.file}#copy-{number}", queried=False) for number in range(copies)]
    for number, clone in enumerate(clones):
        data = edits.png(edits.edit("near_copy", original, number))
        fingerprints[clone.file] = fingerprint(engine, data, name=copied.file, add=True, link=True)
    small = GroundTruth(Dataset((*items, *clones), frozenset()), fingerprints, truth.split)
    expected = small.correct_answers(queried)
    for name in CLONE_EDITS:
        query = make_query(small, queried, name, strata.CLONES, expected=expected, besides=(queried.file,))
        yield small, run_query(engine, query)
