"""The nouns of this package, in the order in which a picture meets them. Values only, no behaviour beyond
checks.

An *image* is unique bytes, named by their sha256. An *occurrence* is a place where it was seen. *Features*
are what is computed from its pixels once. A *candidate* is an image worth comparing, *evidence* is what the
comparison measured, a *verdict* is what we conclude from it, and a *cluster* is a set of images that a match
has joined.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

import numpy as np
from numpy.typing import NDArray

#: sha256 of the picture's bytes, 64 lower-case hex digits.
ImageId = str


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """Pixels of one picture, upright (EXIF orientation applied), alpha laid on white."""

    image_id: ImageId
    #: RGB, shape (height, width, 3), C-contiguous.
    pixels: NDArray[np.uint8]
    #: ITU-R 601-2 luma as Pillow's convert("L") gives it, shape (height, width).
    grey: NDArray[np.uint8]
    #: Format as the decoder named it, upper case: PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF.
    format: str
    #: Frames in the file; only the first was decoded.
    frames: int
    #: The file's bytes.
    data: bytes = field(repr=False)

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])


@dataclass(frozen=True, slots=True)
class Hashes:
    """Whole-picture hashes. Distances between two hashes of one kind are Hamming distances in bits."""

    #: 256-bit PDQ, 32 bytes, in the byte order of its hex form.
    pdq: bytes
    #: PDQ of the picture in its 8 orientations, 32 bytes each, in the order of features.pdq.ORIENTATIONS; the
    #: first is `pdq`.
    orientations: tuple[bytes, ...]
    #: 0 to 100, as Meta's reference computes it.
    pdq_quality: int
    #: 64-bit ImageHash average_hash, 8 bytes, in the byte order of its hex form; so are the next three.
    ahash: bytes
    phash: bytes
    dhash: bytes
    #: None when the operator left it off (it costs as much as all the others together).
    whash: bytes | None


@dataclass(frozen=True, slots=True, eq=False)
class LocalFeatures:
    """Keypoints with binary descriptors, in a frame of normalised size (see features/local.py)."""

    #: Size of the normalised frame in pixels; source pixel = frame pixel * source width / frame_width.
    frame_width: float
    frame_height: float
    #: x, y (frame pixels), size (frame pixels), angle (degrees); shape (n, 4).
    keypoints: NDArray[np.float32]
    #: 256-bit ORB descriptors, shape (n, 32); strongest keypoints first within the spread order.
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.keypoints)


@dataclass(frozen=True, slots=True)
class FamilyVersions:
    """Extractor version of each feature family; families of different versions are never compared. 0: not
    kept.
    """

    pixels: int
    pdq: int
    imagehash: int
    tlsh: int
    local: int
    thumbnail: int


@dataclass(frozen=True, slots=True, eq=False)
class ImageFeatures:
    """All that is computed from one picture, and all that is needed to compare it again without its bytes."""

    image_id: ImageId
    #: Source pixels.
    width: int
    height: int
    format: str
    frames: int
    versions: FamilyVersions
    #: sha256 over width, height and the decoded RGB pixels, 32 bytes.
    pixel_digest: bytes
    hashes: Hashes
    #: TLSH of the file's bytes as MISP's `tlsh` attribute has it ("T1" and 70 hex digits); None when it has
    #: none.
    tlsh: str | None
    local: LocalFeatures
    #: Grey WebP, normally 320 pixels wide; None when the operator left it off.
    thumbnail: bytes | None
    #: False for blank and near-uniform pictures, which match nothing but their own bytes and pixels.
    informative: bool


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A place where an image was seen: `HOST:KIND:ID`, such as misp:attribute:<uuid> or
    file:path:</absolute/path>.
    """

    host: str
    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.host}:{self.kind}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> Occurrence:
        """Split at the first two colons; raises ConfigError (see errors.py) when a part is missing or not
        printable.
        """
        from .errors import ConfigError

        parts = text.split(":", 2)
        if len(parts) != 3 or not all(parts) or len(text) > 4096 or "\x00" in text:
            raise ConfigError(
                f"occurrence {text[:80]!r}: expected HOST:KIND:ID, three parts, at most 4096 characters"
            )
        return cls(*parts)


class Purpose(str, Enum):
    """What a collection is for."""

    #: Pictures somebody wants to recognise again.
    KNOWN = "known"
    #: Legitimate pages; only against these is `looks-like` judged.
    BASELINE = "baseline"
    #: Pictures that match everything and say nothing; they produce no hits.
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Collection:
    name: str
    purpose: Purpose
    created: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """An image's place in a collection, with the labels it carries there."""

    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One occurrence of an image, with its labels and times (UTC)."""

    occurrence: Occurrence
    labels: Mapping[str, str]
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """An image that is seen at some place."""

    image_id: ImageId
    sighting: Sighting
    #: Whether it was searched for, and lost no connection by a forget since.
    linked: bool


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An image that is no longer seen at some place."""

    image_id: ImageId
    #: Whether it is no longer in the store, because that was its last place.
    forgotten: bool


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the store knows about an image besides its features."""

    image_id: ImageId
    #: At most 20, latest first.
    sightings: tuple[Sighting, ...]
    occurrence_count: int
    first_seen: datetime
    last_seen: datetime
    memberships: tuple[Membership, ...]
    #: Canonical id of its cluster, then the aliases; empty when it is in none.
    clusters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image worth verifying, and how it was found."""

    image_id: ImageId
    #: Hamming distance of the PDQ hashes in the orientation below; None when found by local features only.
    pdq_bits: int | None
    #: 0 to 7, index into features.pdq.ORIENTATIONS: how the query was turned to come this near.
    orientation: int
    #: Weight of shared visual words; 0 when found by hash only.
    votes: float
    #: Whether the words were those of the mirrored query.
    mirrored: bool = False
    #: Whether they were those of the query with light and dark exchanged.
    inverted: bool = False
    #: Whose they were, of the pictures that stand in the query; None where they were those of all of it.
    inset: int | None = None


class Configuration(str, Enum):
    """Outcome of verification, in words that can be stored, counted and shown."""

    SAME_BYTES = "same-bytes"
    SAME_PIXELS = "same-pixels"
    #: The whole pictures agree after scaling (and turning or mirroring); no keypoints were needed.
    WHOLE = "whole"
    #: A full affine map with enough inliers carries one picture onto the other.
    AFFINE = "affine"
    #: Only a perspective map does.
    HOMOGRAPHY = "homography"
    #: Too few keypoints agree on any one map.
    NO_GEOMETRY = "no-geometry"
    #: Keypoints agree on a map that no edit makes: collapsed, sheared or scaled beyond the limits.
    DEGENERATE = "degenerate"
    #: Too few keypoints to ask; judged by the whole picture alone.
    LOW_TEXTURE = "low-texture"
    #: One of the two is blank or near-uniform; nothing was compared beyond bytes and pixels.
    UNINFORMATIVE = "uninformative"
    #: The two records come from different extractor versions, or of one only hashes were kept.
    INCOMPARABLE = "incomparable"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a comparison measured; None means not measured. Bits are Hamming distances."""

    same_bytes: bool | None = None
    same_pixels: bool | None = None
    pdq_bits: int | None = None
    orientation: int | None = None
    #: True when all that is said of PDQ, map and content holds for the query with light and dark exchanged.
    inverted: bool | None = None
    phash_bits: int | None = None
    dhash_bits: int | None = None
    ahash_bits: int | None = None
    whash_bits: int | None = None
    tlsh_distance: int | None = None
    #: Geometrically consistent correspondences at distinct places.
    inliers: int | None = None
    #: Share of the keypoints inside the overlap that have their counterpart at the place where the map says,
    #: 0 to 1, of the picture of which more have: near 0 for a map by chance, low where only a frame is
    #: shared.
    explained: float | None = None
    #: Share of the query's area that lies inside the reference, 0 to 1.
    covered_query: float | None = None
    covered_reference: float | None = None
    #: Share of the textured blocks inside the overlap that show the same content, 0 to 1.
    content_agreement: float | None = None
    #: The same share of the emptier picture's blocks alone, or beside one band across: near 1 when one shows
    #: all of the other and more.
    agreement_of_emptier: float | None = None
    #: The same share of the blocks with content in both: low where something else is, high where something
    #: was added or has faded.
    agreement_both_textured: float | None = None
    #: The same share beside the one rectangle, at most 40 % of the overlap, that leaves most: near 1 where
    #: what differs lies together.
    agreement_outside_rectangle: float | None = None
    #: Area of the smallest rectangle beside which nearly all of these blocks agree, as a share of the
    #: overlap; 1 when there is none.
    differing_rectangle: float | None = None
    #: Share of the edges of the one picture that the other has too, whichever is larger, 0 to 1: what is
    #: written on a picture leaves them.
    edges_contained: float | None = None
    #: Mean normalised cross-correlation of these blocks, -1 to 1.
    block_correlation: float | None = None
    #: How many textured blocks that share rests on.
    blocks_compared: int | None = None
    #: Most inliers that another picture has in the part of the query that this one lies on, of those verified
    #: in the same search: near `inliers` where both share a template. None where the pair was compared by
    #: itself or among few images, or no inliers lie over the query. It stays that of the query.
    rival_inliers: int | None = None
    #: How many other pictures of the store agree with the query as this one does, where these are a crowd
    #: (see crowd.py).
    ambiguous_with: int | None = None
    configuration: Configuration = Configuration.NO_GEOMETRY
    #: Row-major 3x3 map from query to reference, both in coordinates from 0 to 1; None without geometry.
    matrix: tuple[float, ...] | None = None


#: Left, top, right, bottom of an upright part of a picture, in coordinates from 0 to 1.
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class HubPatch:
    """A part of a picture that is found in so many others that it says nothing."""

    #: A picture that shows it.
    image_id: ImageId
    #: Where it lies there.
    region: Box
    #: Different pictures that show it, at least; those of one cluster count as one.
    pictures: int
    #: Pictures in the store when it was found.
    images: int
    #: Images that seem to show it, as far as they were looked at.
    holders: frozenset[ImageId] = frozenset()


@dataclass(frozen=True, slots=True)
class NotedHub:
    """Such a part as it is noted in the store."""

    patch: HubPatch
    #: When linking met it last.
    met: datetime


class Decision(str, Enum):
    MATCH = "match"
    REVIEW = "review"
    NO_MATCH = "no-match"


class Relation(str, Enum):
    IDENTICAL = "identical"
    NEAR_DUPLICATE = "near-duplicate"
    PARTIAL = "partial"
    LOOKS_LIKE = "looks-like"
    SAME_TEMPLATE = "same-template"


#: Calibration id of a verdict that a person gave.
PERSON = "person"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What we conclude about two pictures, with the evidence it rests on."""

    decision: Decision
    relation: Relation | None
    #: Probability that both show the same source picture, 0 to 1.
    confidence: float
    evidence: Evidence
    calibration_id: str
    sentence: str


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """A verdict about `image_id` as kept on the other image's side."""

    image_id: ImageId
    verdict: Verdict
    judged: datetime


@dataclass(frozen=True, slots=True)
class Cluster:
    #: Canonical id.
    cluster_id: str
    #: Ids of clusters that were merged into this one; they stay valid names of it.
    aliases: tuple[str, ...]
    members: tuple[ImageId, ...]
