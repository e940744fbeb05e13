"""The stratum "clones": one template with very many captures must not hide the picture that is asked for.

Takes pairs of pages that share a template, as the run itself met them: of the one page 50 near copies are
indexed and linked, and the other is asked for after edits. It happens in a throwaway store of its own, among
the other pages of its set, because a store that is kept should not fill with copies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..engine import Engine
from ..errors import ImageError
from ..records import Relation
from . import edits, strata
from .dataset import Dataset, Item
from .ground_truth import Fingerprint, GroundTruth
from .indexing import fill
from .queries import EvaluationQuery
from .querying import QueryResponse, QueryTask, ask
from .results import LabelledPair

#: Near copies of the template's other page. spec: brief of the evaluation; twice as many as candidates by
#: words.
COPIES = 50
#: Other pages of the same set that are indexed too. chosen.
NEIGHBOURS = 60
#: Edits after which the page is asked for. chosen: one of each kind.
ASKED = ("resize_50", "browser_bar", "crop_75", "banner", "mirror")


@dataclass(frozen=True, slots=True)
class Template:
    copied: Item
    asked: Item


def find_templates(pairs: Iterable[LabelledPair], truth: GroundTruth, count: int) -> list[Template]:
    """Pairs of indexed pages that are called same-template, most inliers first; no page of one set twice."""
    of_set: dict[str, LabelledPair] = {}
    for pair in pairs:
        one, other = truth.dataset.by_file.get(pair.query), truth.dataset.by_file.get(pair.reference)
        usable = (
            pair.label is False
            and not pair.edit
            and one is not None
            and other is not None
            and one.indexed
            and one.asked
        )
        if (
            usable
            and one is not None
            and pair.verdict.relation is Relation.SAME_TEMPLATE
            and _inliers(pair) > _inliers(of_set.get(one.set))
        ):
            of_set[one.set] = pair
    best = sorted(of_set.values(), key=lambda pair: (-_inliers(pair), pair.query))[:count]
    return [
        Template(truth.dataset.by_file[pair.reference], truth.dataset.by_file[pair.query]) for pair in best
    ]


def _inliers(pair: LabelledPair | None) -> int:
    return 0 if pair is None else pair.verdict.evidence.inliers or 0


def ask_among_clones(
    template: Template, truth: GroundTruth, engine: Engine
) -> Iterator[tuple[EvaluationQuery, GroundTruth, QueryResponse]]:
    """Fill the empty store of `engine`, ask; gives each question, the truth of this small set, and what came."""
    copied, asked = template.copied, template.asked
    near = [
        item
        for item in truth.dataset.indexed
        if item.set == asked.set and item.group not in (asked.group, copied.group)
    ]
    items = [copied, asked, *near[:NEIGHBOURS]]
    sketches, _ = fill(engine, items, threads=1, progress=lambda work, _: work)
    original = edits.opened(copied.path)
    clones = []
    for number in range(COPIES):
        data = edits.png(edits.edit("near_copy", original, number))
        engine.add(data, name=copied.file)
        image_id = hashlib.sha256(data).hexdigest()
        (features,) = engine.features([image_id])
        if features is None:
            raise ImageError(f"{copied.file}: its copy was removed while it was in use")
        clone = replace(copied, file=f"{copied.file}#copy-{number}", asked=False)
        clones.append(clone)
        sketches[clone.file] = Fingerprint(
            image_id, features.pixel_digest, features.hashes.pdq, features.width, features.height
        )
    small = GroundTruth(Dataset((*items, *clones), frozenset()), sketches, truth.parts)
    for place, name in enumerate(ASKED):
        question = EvaluationQuery(asked, name, strata.CLONES, small.right(asked), frozenset(), (asked.file,))
        task = QueryTask(place, asked.file, asked.path, name, frozenset(), (sketches[asked.file].image_id,))
        yield question, small, ask(engine, task)
