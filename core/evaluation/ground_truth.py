"""What is right: for each asked picture the right answers, and for each judged pair whether both show the
same source picture.

Right answers of a query are the members of its group, and those of groups with a twin: an indexed picture of
another group that shows what one of its group shows, so that both groups are versions of one view. A twin has
the same pixels, or a PDQ hash at most 5 bits away (captures of one unchanged page differ by as much).

A pair is labelled True when both sides are the same file or have the same pixels, or are of one group and
captured again (same size, PDQ at most 10 bits apart); None, unknown, for other versions of a page, for twins
that are near by PDQ only and what else is of their groups, for linked phishing pages, and within a set that
is named as a site while its pictures carry none: such a set shows the components of one design, and two
groups of it may be two states of one page. False for all others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..records import ImageId
from .dataset import Dataset, Item, Kind
from .split import Split

#: PDQ bits. chosen: see above.
TWIN_BITS = 5
#: PDQ bits. chosen: two captures of one page by the same browser, with another font smoothing or a blinking
#: cursor.
AGAIN_BITS = 10


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the truth needs of a picture's pixels."""

    image_id: ImageId
    #: Digest of the decoded pixels.
    pixels: bytes
    #: 32 bytes.
    pdq: bytes
    width: int
    height: int


@dataclass(frozen=True)
class GroundTruth:
    dataset: Dataset
    #: By file; pictures that could not be read have none, and nobody asks for them.
    sketches: Mapping[str, Fingerprint]
    parts: Split

    @cached_property
    def files(self) -> dict[ImageId, tuple[str, ...]]:
        """Files of each image: copies have the same bytes."""
        found: dict[ImageId, list[str]] = defaultdict(list)
        for file, sketch in self.sketches.items():
            found[sketch.image_id].append(file)
        return {image_id: tuple(files) for image_id, files in found.items()}

    @cached_property
    def indexed(self) -> frozenset[ImageId]:
        return frozenset(
            self.sketches[item.file].image_id for item in self.dataset.indexed if item.file in self.sketches
        )

    def ids(self, files: Iterable[str]) -> frozenset[ImageId]:
        return frozenset(self.sketches[file].image_id for file in files if file in self.sketches)

    def same_pixels(self, item: Item) -> frozenset[str]:
        """Indexed files with the pixels of this one, itself included if it is indexed."""
        return self._by_pixels.get(self.sketches[item.file].pixels, frozenset())

    def twins(self, item: Item) -> frozenset[str]:
        """Indexed files of other groups that show the same thing."""
        files, hashes = self._hashes
        bits = np.bitwise_count(hashes ^ _words(self.sketches[item.file].pdq)).sum(axis=1)
        near = {files[place] for place in np.flatnonzero(bits <= TWIN_BITS)} | self.same_pixels(item)
        return frozenset(file for file in near if self.dataset.by_file[file].group != item.group)

    def right(self, item: Item) -> frozenset[str]:
        """Indexed files that are right answers to `item`, edited or not, whether it is indexed itself or not."""
        if (known := self._right.get(item.file)) is not None:
            return known
        groups = {
            self.dataset.by_file[twin].group
            for member in (item, *self._indexed_of(item.group))
            for twin in self.twins(member)
        }
        right = frozenset(
            member.file for group in (item.group, *groups) for member in self._indexed_of(group)
        )
        self._right[item.file] = right
        return right

    @cached_property
    def _right(self) -> dict[str, frozenset[str]]:
        return {}

    def _indexed_of(self, group: str) -> list[Item]:
        return [
            member for member in self.dataset.groups[group] if member.indexed and member.file in self.sketches
        ]

    def label(self, query: Item, reference: ImageId) -> tuple[str, bool | None]:
        """The file of a judged image (its id if the data set has none such), and whether it shows the source
        of `query`.

        An image that the data set does not know was in the store before: nobody can say.
        """
        files = self.files.get(reference, ())
        if query.file in files:
            return query.file, True
        mine = self.sketches[query.file]
        labels = [
            (file, self._label(query, mine, self.dataset.by_file[file], self.sketches[file]))
            for file in files
        ]
        order = {True: 0, None: 1, False: 2}
        return min(labels, key=lambda found: order[found[1]], default=(reference, None))

    def _label(self, query: Item, mine: Fingerprint, other: Item, theirs: Fingerprint) -> bool | None:
        if mine.pixels == theirs.pixels:
            return True
        bits = int(np.bitwise_count(_words(mine.pdq) ^ _words(theirs.pdq)).sum())
        if query.group == other.group:
            again = bits <= AGAIN_BITS and (mine.width, mine.height) == (theirs.width, theirs.height)
            return True if again and query.kind is not Kind.LINKED else None
        one_design = (
            query.site is None
            and other.site is None
            and query.set == other.set
            and self.parts.site(query) is not None
        )
        return None if one_design or bits <= TWIN_BITS or other.file in self.right(query) else False

    @cached_property
    def _by_pixels(self) -> dict[bytes, frozenset[str]]:
        found: dict[bytes, set[str]] = defaultdict(set)
        for item in self.dataset.indexed:
            if item.file in self.sketches:
                found[self.sketches[item.file].pixels].add(item.file)
        return {pixels: frozenset(files) for pixels, files in found.items()}

    @cached_property
    def _hashes(self) -> tuple[list[str], NDArray[np.uint64]]:
        files = [item.file for item in self.dataset.indexed if item.file in self.sketches]
        return files, np.array([_words(self.sketches[file].pdq) for file in files], np.uint64).reshape(-1, 4)


def _words(pdq: bytes) -> NDArray[np.uint64]:
    return np.frombuffer(pdq, np.uint64)
