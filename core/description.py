"""All that is known about one image, as a value for Python and a line of JSON."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .answers import memberships_json, timestamp
from .records import ImageFeatures, ImageId, ImageInfo, Membership


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """All that is known about one image."""

    #: What was extracted from it.
    features: ImageFeatures
    #: Where it was seen.
    info: ImageInfo
    #: Size of its record.
    record_bytes: int

    @property
    def image_id(self) -> ImageId:
        """Return its id."""
        return self.info.image_id

    @property
    def informative(self) -> bool:
        """Return whether it shows enough to be recognised."""
        return self.features.informative

    @property
    def clusters(self) -> tuple[str, ...]:
        """Return the canonical id of its cluster, then the aliases."""
        return self.info.clusters

    @property
    def memberships(self) -> tuple[Membership, ...]:
        """Return the collections that hold it."""
        return self.info.memberships

    def in_clusters(self, clusters: tuple[str, ...]) -> Description:
        """Return it as it would be in another cluster."""
        return replace(self, info=replace(self.info, clusters=clusters))

    def to_json(self) -> dict[str, Any]:
        """Return the description as in a line of the command line."""
        features, info = self.features, self.info
        hashes = features.hashes
        return {
            "image_id": info.image_id,
            "width": features.width,
            "height": features.height,
            "format": features.format,
            "frames": features.frames,
            "frame": features.frame,
            "truncated": features.truncated,
            "decoding": features.decoding,
            "informative": features.informative,
            "clusters": list(info.clusters),
            "occurrences": [
                {
                    "occurrence": str(seen.occurrence),
                    "labels": dict(seen.labels),
                    "first_seen": timestamp(seen.first_seen),
                    "last_seen": timestamp(seen.last_seen),
                }
                for seen in info.sightings
            ],
            "occurrence_count": info.occurrence_count,
            "first_seen": timestamp(info.first_seen),
            "last_seen": timestamp(info.last_seen),
            "collections": memberships_json(info.memberships),
            "pixel_digest": features.pixel_digest.hex(),
            "pdq": hashes.pdq.hex(),
            "pdq_quality": hashes.pdq_quality,
            "ahash": hashes.ahash.hex(),
            "phash": hashes.phash.hex(),
            "dhash": hashes.dhash.hex(),
            "whash": None if hashes.whash is None else hashes.whash.hex(),
            "tlsh": features.tlsh,
            "keypoints": len(features.local),
            "thumbnail_bytes": len(features.thumbnail or b""),
            "codes": 0 if features.codes is None else len(features.codes.found),
            "record_bytes": self.record_bytes,
            "problems": list(info.problems),
        }
