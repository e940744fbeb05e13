"""What may answer a query, read once before it begins: everything the store says besides the pictures."""

from dataclasses import dataclass

from ..records import ImageId, StoredVerdict


@dataclass(frozen=True, slots=True)
class Scope:
    """Which images may answer a query, and what persons and collections say of them."""

    #: Images that the caller leaves out.
    excluded: frozenset[ImageId]
    #: The only images that may answer; None for all.
    members: frozenset[ImageId] | None
    #: Images in collections of purpose `ignore`.
    ignored: frozenset[ImageId]
    #: Images in collections of purpose `baseline`.
    baseline: frozenset[ImageId]
    #: Images that a person keeps apart from the query image.
    vetoed: frozenset[ImageId]
    #: What persons said is the same as the query image, or a part of it.
    confirmed: tuple[StoredVerdict, ...]
    #: Images whose pixels are those of the query image, in the order of their ids.
    same_pixels: tuple[ImageId, ...]

    def allows(self, image_id: ImageId) -> bool:
        """Return whether an image may be a hit at all."""
        if image_id in self.excluded or image_id in self.ignored or image_id in self.vetoed:
            return False
        return self.members is None or image_id in self.members
