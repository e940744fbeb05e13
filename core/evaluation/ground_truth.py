"""The ground truth: the correct answers of each query, and for each judged pair whether both show the same
source picture.

The correct answers of a query are the members of its group, and of every group with a twin. A twin is an
indexed picture of another group that shows the same as a member of the query's group, so that both groups are
versions of one view: it has the same pixels, or a PDQ hash at most 5 bits away (captures of one unchanged
page differ by that much).

The label of a pair is True if both sides are the same file, have the same pixels, or are captures of one
group taken again (same size, PDQ at most 10 bits apart). It is None, unknown, for other versions of a page,
for twins by PDQ alone and the rest of their groups, for linked phishing pages, and within a set that is named
as a site while its pictures carry none: such a set shows the components of one design, and two of its groups
may be two states of one page. It is False for all other pairs. Fillings of templates are made to resemble
each other, so neither hashes nor captures count for them: each is its own group.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..batches import grouped
from ..features.perceptual import hamming
from ..index.hamming import BYTES, distances
from ..records import ImageId
from .dataset import Dataset, Item, Kind
from .split import Split

#: Maximum PDQ distance of twins in bits. chosen: see above.
TWIN_BITS = 5
#: Maximum PDQ distance of two captures of one page in bits. chosen: captures by the same browser, with
#: another font smoothing or a blinking cursor.
RECAPTURE_BITS = 10


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the ground truth needs to know of a picture's pixels."""

    #: Id of the image.
    image_id: ImageId
    #: Digest of the decoded pixels.
    pixels: bytes
    #: PDQ hash, 32 bytes.
    pdq: bytes
    #: Width in pixels.
    width: int
    #: Height in pixels.
    height: int


@dataclass(frozen=True)
class GroundTruth:
    """Correct answers and labels of a data set."""

    #: The pictures and their groups.
    dataset: Dataset
    #: Fingerprints by file; pictures that could not be read have none and are never queries.
    fingerprints: Mapping[str, Fingerprint]
    #: The division into parts, which also says which site a picture belongs to.
    split: Split

    @cached_property
    def indexed(self) -> list[Item]:
        """The indexed pictures that could be read."""
        return [item for item in self.dataset.indexed if item.file in self.fingerprints]

    def image_ids(self, files: Iterable[str]) -> frozenset[ImageId]:
        """Return the ids of these files, as far as they could be read."""
        return frozenset(self.fingerprints[file].image_id for file in files if file in self.fingerprints)

    def same_pixels(self, item: Item) -> frozenset[str]:
        """Return the indexed files with the pixels of this picture, itself included if it is indexed."""
        return frozenset(same.file for same in self._by_pixels.get(self.fingerprints[item.file].pixels, ()))

    def correct_answers(self, item: Item) -> frozenset[str]:
        """Return the indexed files that are correct answers to `item`, edited or not, indexed or not."""
        if item.file not in self._correct:
            members = (item, *self._by_group.get(item.group, ()))
            groups = {item.group}.union(*map(self._groups_of_twins, members))
            self._correct[item.file] = frozenset(
                member.file for group in groups for member in self._by_group.get(group, ())
            )
        return self._correct[item.file]

    def _groups_of_twins(self, item: Item) -> set[str]:
        """Return the groups of the indexed pictures that show the same as this one. Equal pixels have equal
        hashes.
        """
        bits = distances(self._hashes, np.frombuffer(self.fingerprints[item.file].pdq, np.uint8))
        return {self.indexed[place].group for place in np.flatnonzero(bits <= TWIN_BITS)}

    def label(self, query: Item, reference: ImageId) -> tuple[str, bool | None]:
        """Return the file of a judged image (its id if the data set does not contain it), and whether it
        shows the source of `query`.

        An image that the data set does not contain was in the store before: its label is unknown.
        """
        files = self._files.get(reference, ())
        if query.file in files:
            return query.file, True
        labels = [(file, self._label(query, self.dataset.by_file[file])) for file in files]
        order = {True: 0, None: 1, False: 2}
        return min(labels, key=lambda found: order[found[1]], default=(reference, None))

    def _label(self, query: Item, other: Item) -> bool | None:
        one, two = self.fingerprints[query.file], self.fingerprints[other.file]
        if one.pixels == two.pixels:
            return True
        if Kind.FILLING in (query.kind, other.kind):
            return query.group == other.group
        bits = hamming(one.pdq, two.pdq)
        if query.group == other.group:
            recaptured = bits <= RECAPTURE_BITS and (one.width, one.height) == (two.width, two.height)
            return True if recaptured and query.kind is not Kind.LINKED else None
        one_design = (
            query.site is None
            and other.site is None
            and query.set == other.set
            and self.split.site(query) is not None
        )
        unknown = one_design or bits <= TWIN_BITS or other.file in self.correct_answers(query)
        return None if unknown else False

    @cached_property
    def _correct(self) -> dict[str, frozenset[str]]:
        """The correct answers that were looked up before."""
        return {}

    @cached_property
    def _files(self) -> dict[ImageId, list[str]]:
        """Files of each image: copies have the same bytes."""
        return grouped(self.fingerprints, lambda file: self.fingerprints[file].image_id)

    @cached_property
    def _by_group(self) -> dict[str, list[Item]]:
        return grouped(self.indexed, lambda item: item.group)

    @cached_property
    def _by_pixels(self) -> dict[bytes, list[Item]]:
        return grouped(self.indexed, lambda item: self.fingerprints[item.file].pixels)

    @cached_property
    def _hashes(self) -> NDArray[np.uint8]:
        """PDQ hashes of the indexed pictures, shape (n, 32)."""
        hashes = b"".join(self.fingerprints[item.file].pdq for item in self.indexed)
        return np.frombuffer(hashes, np.uint8).reshape(-1, BYTES)
