"""What is known about a pair besides its own evidence: its place among the other candidates of a search."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from ..records import Evidence, ImageId


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The context of one pair; a pair compared by itself has the default.

    Every field but `baseline` is also a field of the evidence, which explains it: `decide` puts it there.
    """

    #: Whether the reference is a page of a baseline, which others may look like.
    baseline: bool = False
    #: See `Evidence.rival_inliers`.
    rival_inliers: int | None = None
    #: See `Evidence.ambiguous_with`.
    ambiguous_with: int | None = None
    #: See `Evidence.common_region_pictures`.
    common_region_pictures: int | None = None
    #: See `Evidence.common_region_images`.
    common_region_images: int | None = None
    #: See `Evidence.ignored_image`.
    ignored_image: ImageId | None = None

    @classmethod
    def of(cls, evidence: Evidence, *, baseline: bool) -> Context:
        """Return the context that a stored verdict's evidence holds."""
        return cls(baseline=baseline, **{name: getattr(evidence, name) for name in _IN_EVIDENCE})

    @property
    def dismissed(self) -> bool:
        """Return whether all that the two share is a common region or an ignored picture."""
        return self.common_region_pictures is not None or self.ignored_image is not None

    def added_to(self, evidence: Evidence) -> Evidence:
        """Return the evidence with the fields of this context."""
        return replace(evidence, **{name: getattr(self, name) for name in _IN_EVIDENCE})


_IN_EVIDENCE = tuple(field.name for field in fields(Context) if field.name != "baseline")
