"""One side of a comparison: a picture's features, and other views of it, each derived on first use.

Takes what was extracted or stored, and the decoded picture where it is at hand. Returns keypoints of the
picture at finer steps of scale, mirrored and inverted, and of its insets. Each view costs as much as the
picture itself, so those of a picture of many bands are smaller than it, and finer steps are left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..records import ImageFeatures, LocalFeatures
from .emblems import Emblems, extract_emblems
from .insets import Inset, extract_insets
from .local import extract_local
from .options import DEFAULTS, FeatureOptions
from .thumbnail import make_small, read_thumbnail


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as it is compared."""

    #: What was extracted, or read from the store.
    features: ImageFeatures
    #: The decoded picture, shape (height, width); None for a picture known by its features alone.
    grey: NDArray[np.uint8] | None = None
    #: How its other views are extracted.
    options: FeatureOptions = DEFAULTS

    @cached_property
    def thumbnail(self) -> NDArray[np.uint8] | None:
        """Return the grey thumbnail, shape (height, width); None when none was kept."""
        return None if self.features.thumbnail is None else read_thumbnail(self.features.thumbnail)

    @cached_property
    def small(self) -> NDArray[np.uint8] | None:
        """Return the thumbnail as content agreement sees it, shape (height, width); None without one."""
        return None if self.thumbnail is None else make_small(self.thumbnail)

    def between(self) -> Iterator[LocalFeatures]:
        """Return the keypoints at scales between the usual levels, one entry for each step: a keypoint that
        lies between two levels has the visual words of neither. None for a picture of many bands.
        """
        options, whole = self.options.local, self.features.local
        large = whole.frame_width * whole.frame_height > options.maximum_bands_of_views * options.band_area
        if self._pixels is None or large:
            return
        for number, steps in enumerate(options.between):
            if number == len(self._between):
                self._between.append(extract_local(self._pixels, steps_below=steps, options=options))
            yield self._between[number]

    @cached_property
    def _between(self) -> list[LocalFeatures]:
        """What `between` has extracted so far."""
        return []

    @cached_property
    def mirrored(self) -> LocalFeatures | None:
        """Return the keypoints of the mirrored picture, or of its thumbnail: descriptors cannot be mirrored,
        and pixels are not kept. None without either.
        """
        if self._pixels is None:
            return None
        return extract_local(np.ascontiguousarray(self._pixels[:, ::-1]), options=self.options.local.of_views)

    @cached_property
    def inverted(self) -> LocalFeatures | None:
        """Return the keypoints with light and dark exchanged, which changes ORB's angles and descriptors.
        None without pixels and thumbnail.
        """
        if self._pixels is None:
            return None
        return extract_local(255 - self._pixels, options=self.options.local.of_views)

    @cached_property
    def insets(self) -> tuple[Inset, ...]:
        """Return the pictures that stand in this one; none where the decoded picture is not at hand."""
        return () if self.grey is None else extract_insets(self.grey, options=self.options)

    @cached_property
    def emblems(self) -> Emblems | None:
        """Return the emblems of the decoded picture, or of its thumbnail; None without either."""
        pixels = self._pixels
        return None if pixels is None else extract_emblems(pixels, options=self.options.emblems)

    @property
    def _pixels(self) -> NDArray[np.uint8] | None:
        return self.thumbnail if self.grey is None else self.grey
