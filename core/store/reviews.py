"""All pairs of the store that wait for a person, which are scored verdicts of the decision `review`, and all
that are linked at all.

They are found on the sides of the images, an image at a time; there is no list that could disagree with the
verdicts. What persons said of them is read beside.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..records import ImageId, Judgement
from . import values
from .connection import StorePart
from .images import Images, scored
from .judgements import decoded, judgements_of
from .keys import key, on_image, shard

#: Ranks of reviews: 2 + confidence. spec: FORMAT.md.
FIRST_RANK, LAST_RANK = 2, 3
#: Lowest rank of matches: 4 + confidence. spec: FORMAT.md.
MATCH_RANK = 4


@dataclass(eq=False)
class Reviews(StorePart):
    """The part of the store that finds reviews."""

    _images: Images

    def all(self) -> Iterator[list[tuple[ImageId, ImageId, float]]]:
        """Yield all pairs whose scored verdict is `review`, with its confidence, some at a time: the smaller
        id first; a pair may come twice. What a broken value names is left out within `values.noting`.
        """
        for found in self._ranked(LAST_RANK):
            yield [(a, b, rank - FIRST_RANK) for a, b, rank in found]

    def edges(self) -> Iterator[list[tuple[ImageId, ImageId, bool]]]:
        """Yield all pairs whose scored verdict is `match` (true) or `review` (false), as `all` does."""
        for found in self._ranked("+inf"):
            yield [(a, b, rank >= MATCH_RANK) for a, b, rank in found]

    def _ranked(self, most: float | str) -> Iterator[list[tuple[ImageId, ImageId, float]]]:
        for ids in self._images.ids_after():
            ranked = self.connection.run(
                [on_image("ZREVRANGEBYSCORE", "partners", i, most, FIRST_RANK, "WITHSCORES") for i in ids]
            )
            found = list[tuple[ImageId, ImageId, float]]()
            for image_id, answer in zip(ids, ranked, strict=True):
                name = key(shard(image_id), f"partners:{image_id}")
                for member, rank in scored(answer):
                    with values.left_out_if_broken():
                        a, b = sorted((image_id, values.image_id(name, member)))
                        found.append((a, b, rank))
            if found:
                yield found

    def said(self, ids: Sequence[ImageId]) -> list[dict[ImageId, Judgement]]:
        """Return for each image what persons said of it, by the other image, in one round trip."""
        answers = self.connection.run([judgements_of(image_id) for image_id in ids])
        return [
            {other: one for other, (one, _) in decoded(image_id, answer).items()}
            for image_id, answer in zip(ids, answers, strict=True)
        ]
