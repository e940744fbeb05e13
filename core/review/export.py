"""What persons said, as labelled pairs that `quaid calibrate` reads: `same` and `part` show the same source
picture, `same-design` and `different` do not. The evidence is that of the scored verdict, whatever a person
said of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..batches import in_groups
from ..engine import Engine
from ..evaluation import strata
from ..evaluation.results import LabelledPair, json_line
from ..records import ImageId, Judgement, JudgementWord

#: Images whose judgements are read in one round trip. chosen.
IMAGES_AT_ONCE = 1000

#: What the words say of a pair; `unsure` says nothing.
LABELS = {
    JudgementWord.SAME: True,
    JudgementWord.PART: True,
    JudgementWord.SAME_DESIGN: False,
    JudgementWord.DIFFERENT: False,
}


def judged_pairs(engine: Engine) -> Iterator[tuple[ImageId, Judgement]]:
    """Yield each judgement of the store once, with the smaller id of its pair."""
    for ids in in_groups(engine.image_ids(), IMAGES_AT_ONCE):
        for image_id, said in zip(ids, engine.judgements_of(ids), strict=True):
            for other, judgement in sorted(said.items()):
                if image_id < other:
                    yield image_id, judgement


def labelled_pairs(engine: Engine) -> Iterator[LabelledPair]:
    """Yield what persons said of pairs with a scored verdict."""
    for image_id, judgement in judged_pairs(engine):
        label, stored = LABELS.get(judgement.word), engine.scored_between(image_id, judgement.image_id)
        if label is not None and stored is not None:
            yield LabelledPair(
                query=image_id,
                edit="",
                stratum=strata.SCREENSHOTS,
                reference=judgement.image_id,
                label=label,
                verdict=stored.verdict,
                place=0,
            )


def as_lines(pairs: Iterable[LabelledPair]) -> bytes:
    """Return pairs as the file `pairs.jsonl` of a run of `quaid evaluate` has them."""
    return "".join(map(json_line, pairs)).encode()
