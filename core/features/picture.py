"""One side of a comparison: a picture's features, and other views of it, each derived on first use.

Takes what was extracted or stored, and the decoded picture where it is at hand; gives keypoints of the
picture between the usual levels, mirrored and inverted, and of the pictures that stand in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..records import ImageFeatures, LocalFeatures
from .insets import Inset, extract_insets
from .local import extract_local
from .thumbnail import read_thumbnail

#: Steps below the usual levels at which the query is looked at, too. measured (2026-11, 70 screenshots among
#: 13,473 images; crops to 0.75, 0.75 scaled down and 0.5, border, 45 degrees, 40 % of a page; right one among
#: the first 8 by words): 69.1 % are found with these, 66.9 with 0.5 alone, 62.9 with none.
BETWEEN = (0.25, 0.5, 0.75)


@dataclass(frozen=True, eq=False)
class Picture:
    features: ImageFeatures
    #: The decoded picture, shape (height, width), where it is at hand.
    grey: NDArray[np.uint8] | None = None

    @cached_property
    def thumbnail(self) -> NDArray[np.uint8] | None:
        stored = self.features.thumbnail
        return None if stored is None else read_thumbnail(stored)

    @cached_property
    def between(self) -> tuple[LocalFeatures, ...]:
        """Keypoints of levels between the usual ones, of the picture or of its thumbnail: a corner that lies
        between two levels has the words of neither.
        """
        picture = self._picture
        return (
            () if picture is None else tuple(extract_local(picture, steps_below=steps) for steps in BETWEEN)
        )

    @cached_property
    def mirrored(self) -> LocalFeatures | None:
        """Keypoints of the mirrored picture, or of its mirrored thumbnail: descriptors cannot be mirrored,
        and pixels are not kept.
        """
        picture = self._picture
        return None if picture is None else extract_local(np.ascontiguousarray(picture[:, ::-1]))

    @cached_property
    def inverted(self) -> LocalFeatures | None:
        """The same of the picture with light and dark exchanged, by which ORB's angles turn and its
        descriptors become others.
        """
        picture = self._picture
        return None if picture is None else extract_local(255 - picture)

    @cached_property
    def insets(self) -> tuple[Inset, ...]:
        """Pictures that stand in this one; none where the decoded picture is not at hand."""
        return () if self.grey is None else extract_insets(self.grey)

    @property
    def _picture(self) -> NDArray[np.uint8] | None:
        return self.thumbnail if self.grey is None else self.grey
