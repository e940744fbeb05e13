"""The nouns of this package, in the order in which a picture meets them: values and their checks only.

An *image* is unique bytes, named by their sha256. An *occurrence* is a place where it was seen. *Features*
are computed from its pixels once. A *candidate* is an image worth verifying, *evidence* is what the
verification measured, a *verdict* is what follows from it, and a *cluster* is a set of images that show one
picture, as matches say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a client of the service has no numpy
    import numpy as np
    from numpy.typing import NDArray

#: sha256 of an image's bytes, 64 lower-case hex digits.
ImageId = str

#: Left, top, right, bottom of an upright part of a picture, in coordinates from 0 to 1.
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """Pixels of one picture, upright (EXIF orientation applied), transparency laid on a ground."""

    #: Id of the bytes that were decoded.
    image_id: ImageId
    #: RGB, shape (height, width, 3), C-contiguous.
    pixels: NDArray[np.uint8]
    #: ITU-R 601-2 luma as Pillow's convert("L") computes it, shape (height, width).
    grey: NDArray[np.uint8]
    #: sha256, 32 bytes, over the size, the RGB pixels and the opacity, where there is any, of all frames.
    pixel_digest: bytes
    #: Format as the decoder names it, in upper case: PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF, HEIF.
    format: str
    #: Number of frames or pages in the file.
    frames: int
    #: Index of the frame whose pixels these are, from 0.
    frame: int
    #: Whether the file is cut short, so that only a part of the pixels is known.
    truncated: bool
    #: Grey of the informative frames that were read, reduced, shape (n, 64, 64); None for a file of one
    #: frame.
    frame_samples: NDArray[np.uint8] | None
    #: Number of frames that were not read.
    frames_unseen: int
    #: The file's bytes.
    data: bytes = field(repr=False)

    @property
    def width(self) -> int:
        """Return the width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Return the height in pixels."""
        return int(self.pixels.shape[0])


@dataclass(frozen=True, slots=True)
class Hashes:
    """Whole-picture hashes. The distance of two hashes of one kind is their Hamming distance in bits."""

    #: 256-bit PDQ, 32 bytes, in the byte order of its hex form.
    pdq: bytes
    #: PDQ of the picture in its 8 orientations, 32 bytes each, in the order of features.pdq.ORIENTATIONS; the
    #: first equals `pdq`.
    orientations: tuple[bytes, ...]
    #: PDQ's quality, 0 to 100, as Meta's reference computes it.
    pdq_quality: int
    #: 64-bit ImageHash average_hash, 8 bytes, in the byte order of its hex form.
    ahash: bytes
    #: 64-bit ImageHash phash, 8 bytes, in the byte order of its hex form.
    phash: bytes
    #: 64-bit ImageHash dhash, 8 bytes, in the byte order of its hex form.
    dhash: bytes
    #: 64-bit ImageHash whash, 8 bytes, in the byte order of its hex form; None when the operator left it off,
    #: because it costs as much as all the others together.
    whash: bytes | None


@dataclass(frozen=True, slots=True, eq=False)
class LocalFeatures:
    """Keypoints with binary descriptors, in a frame of normalised size (see features/local.py)."""

    #: Width of the normalised frame in pixels; source pixel = frame pixel * source width / frame_width.
    frame_width: float
    #: Height of the normalised frame in pixels.
    frame_height: float
    #: x, y (frame pixels), size (frame pixels), angle (degrees); shape (n, 4).
    keypoints: NDArray[np.float32]
    #: 256-bit ORB descriptors, shape (n, 32); strongest keypoints first within the spread order.
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.keypoints)


@dataclass(frozen=True, slots=True)
class FamilyVersions:
    """Extractor version of each feature family; different versions are never compared. 0: not kept."""

    #: Version of the pixel digest.
    pixels: int
    #: Version of PDQ.
    pdq: int
    #: Version of ImageHash's hashes.
    imagehash: int
    #: Version of TLSH.
    tlsh: int
    #: Version of keypoints and descriptors.
    local: int
    #: Version of the thumbnail.
    thumbnail: int
    #: Version of the hashes of all frames.
    frames: int
    #: Version of the codes.
    codes: int
    #: Version of the palette.
    palette: int


@dataclass(frozen=True, slots=True)
class FrameHashes:
    """What is known about all frames of a file that has several, to tell whether two files share them all."""

    #: PDQ, 32 bytes each, of the frames that were examined and are informative, in their order.
    hashes: tuple[bytes, ...]
    #: Number of frames that were not examined: beyond a limit, or unreadable.
    unseen: int


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code, a bar code, or the like."""

    #: HMAC of what it says, 16 bytes; what it says is not kept.
    digest: bytes
    #: The upright box around it, in unit coordinates.
    box: Box


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes of a picture that could be read."""

    #: Name of the key of the digests, 4 bytes; those of different keys are never compared.
    key_name: bytes
    #: The codes, the largest first.
    found: tuple[Code, ...]


@dataclass(frozen=True, slots=True, eq=False)
class ImageFeatures:
    """Everything computed from one picture: enough to compare it again without its bytes."""

    #: Id of the image.
    image_id: ImageId
    #: Width in source pixels.
    width: int
    #: Height in source pixels.
    height: int
    #: Format as in `DecodedImage`.
    format: str
    #: Number of frames or pages in the file.
    frames: int
    #: Index of the frame that was judged, from 0.
    frame: int
    #: Whether the file is cut short: it was judged as far as it goes.
    truncated: bool
    #: Revision of the decoding rules by which the file became pixels (`decoding.revision`).
    decoding: int
    #: Versions of the extractors that computed the families.
    versions: FamilyVersions
    #: As in `DecodedImage`.
    pixel_digest: bytes
    #: Whole-picture hashes.
    hashes: Hashes
    #: TLSH of the file's bytes as MISP's `tlsh` attribute has it ("T1" and 70 hex digits); None for files
    #: that TLSH cannot hash.
    tlsh: str | None
    #: Keypoints and descriptors.
    local: LocalFeatures
    #: Grey WebP, normally 480 pixels wide; None when the operator left it off.
    thumbnail: bytes | None
    #: Hashes of all frames; None for a file of one.
    frame_hashes: FrameHashes | None
    #: What codes say, as digests; None where none can be read.
    codes: Codes | None
    #: Saturated colours with their shares, four bytes each (features/palette.py); None where the thumbnail
    #: is.
    palette: bytes | None
    #: False for blank and nearly uniform pictures, which match nothing.
    informative: bool


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A place where an image was seen: `HOST:KIND:ID`, such as file:path:</a/path>."""

    #: System that saw the image: misp, ail, file.
    host: str
    #: Kind of object there.
    kind: str
    #: Name of the object there.
    id: str

    def __str__(self) -> str:
        return f"{self.host}:{self.kind}:{self.id}"

    @classmethod
    def parse(cls, text: str) -> Occurrence:
        """Return the occurrence that `text` names, split at the first two colons.

        Raises ConfigError when a part is missing or the text is too long or holds a null character.
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

    #: Pictures that somebody wants to recognise again.
    KNOWN = "known"
    #: Legitimate pages; `looks-like` is judged only against these.
    BASELINE = "baseline"
    #: Pictures that match everything and mean nothing; they produce no hits.
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of images with a purpose."""

    #: Unique name.
    name: str
    #: What it is for.
    purpose: Purpose
    #: When it was created (UTC).
    created: datetime


@dataclass(frozen=True, slots=True)
class Membership:
    """An image's place in a collection."""

    #: Name of the collection.
    name: str
    #: Labels that the image carries there.
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One occurrence of an image, with its labels and times (UTC)."""

    #: Where the image was seen.
    occurrence: Occurrence
    #: Labels of the occurrence.
    labels: Mapping[str, str]
    #: When it was first seen there.
    first_seen: datetime
    #: When it was last seen there.
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """An image that is seen at some occurrence."""

    #: The image.
    image_id: ImageId
    #: The occurrence, with labels and times.
    sighting: Sighting
    #: Whether the image was linked and need not be linked again (`links.waiting`).
    linked: bool


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An image that is no longer seen at some occurrence."""

    #: The image.
    image_id: ImageId
    #: Whether it left the store, because this was its last occurrence.
    forgotten: bool


@dataclass(frozen=True, slots=True)
class Expired:
    """An image that was seen in a collection too long ago."""

    #: The image.
    image_id: ImageId
    #: Whether it leaves the store, because it is in no other collection.
    forgotten: bool


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What the store knows about an image besides its features."""

    #: The image.
    image_id: ImageId
    #: At most 20, latest first.
    sightings: tuple[Sighting, ...]
    #: Number of all occurrences.
    occurrence_count: int
    #: First time at any occurrence (UTC); None where what is stored of the times is broken.
    first_seen: datetime | None
    #: Last time at any occurrence (UTC); None as `first_seen`.
    last_seen: datetime | None
    #: Collections that hold the image.
    memberships: tuple[Membership, ...]
    #: Canonical id of its cluster, then the aliases; empty when it is blank or was never linked.
    clusters: tuple[str, ...]
    #: What is stored of the image and is broken, so that it was left out here.
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image worth verifying, and how it was found."""

    #: The image.
    image_id: ImageId
    #: Weight of shared visual words; 0 when it was found by its pixels or hash.
    votes: float = 0.0
    #: Whether the visual words were those of the mirrored query.
    mirrored: bool = False
    #: Whether the visual words were those of the query with light and dark exchanged.
    inverted: bool = False
    #: Number of the inset whose visual words they were; None for those of the whole query.
    inset: int | None = None


class Configuration(str, Enum):
    """Outcome of verification, in words that can be stored, counted and shown."""

    #: The bytes are equal.
    SAME_BYTES = "same-bytes"
    #: The pixels are equal.
    SAME_PIXELS = "same-pixels"
    #: The whole pictures agree after scaling (and rotating or mirroring); no keypoints were needed.
    WHOLE = "whole"
    #: An affine transform with enough inliers aligns the pictures.
    AFFINE = "affine"
    #: Only a perspective transform (homography) aligns them.
    HOMOGRAPHY = "homography"
    #: Too few keypoints agree on any one transform.
    NO_GEOMETRY = "no-geometry"
    #: Keypoints agree on a transform that no edit makes: collapsed, sheared or scaled beyond the limits.
    DEGENERATE = "degenerate"
    #: Too few keypoints to confirm a transform; the whole pictures were aligned by their hashes.
    LOW_TEXTURE = "low-texture"
    #: One of the two is blank or nearly uniform, or both are; only bytes and pixels were compared, which say
    #: nothing then.
    UNINFORMATIVE = "uninformative"
    #: The extractor versions differ, or only the hashes of one picture were kept.
    INCOMPARABLE = "incomparable"
    #: One stands in the other as an object: a logo or an icon.
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class HashEvidence:
    """Distances of two whole pictures. None: not measured, because the extractor versions differ, say."""

    #: Whether the bytes are equal.
    same_bytes: bool | None = None
    #: Whether the decoded pixels are equal.
    same_pixels: bool | None = None
    #: Hamming distance of the PDQ hashes in `orientation`, 0 to 256 bits.
    pdq_bits: int | None = None
    #: Index into features.pdq.ORIENTATIONS, 0 to 7: how the query was turned for that distance.
    orientation: int | None = None
    #: True when PDQ, and transform and content where there are any, hold for the query with light and dark
    #: exchanged.
    inverted: bool | None = None
    #: Hamming distance of ImageHash's phash, 0 to 64 bits.
    phash_bits: int | None = None
    #: Hamming distance of ImageHash's dhash, 0 to 64 bits.
    dhash_bits: int | None = None
    #: Hamming distance of ImageHash's average_hash, 0 to 64 bits.
    ahash_bits: int | None = None
    #: Hamming distance of ImageHash's whash, 0 to 64 bits.
    whash_bits: int | None = None
    #: TLSH distance of the files, 0 and more.
    tlsh_distance: int | None = None
    #: Share of the query's frames or pages that the reference has, too, 0 to 1; None where both have one.
    frames_query: float | None = None
    #: Share of the reference's frames or pages that the query has, too, 0 to 1; None where both have one.
    frames_reference: float | None = None

    @property
    def equal(self) -> bool:
        """Return whether bytes or pixels are equal, which says nothing of blank pictures."""
        return bool(self.same_bytes or self.same_pixels)


@dataclass(frozen=True, slots=True)
class Difference:
    """A region in which two aligned pictures differ."""

    #: Where it lies in the query.
    box: Box
    #: Its textured blocks over those of the whole overlap, 0 to 1.
    share: float


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a page has in common with a page of a baseline, as seen beside the other pages of the baseline."""

    #: How much the best emblem in common counts, 0 to 1: as far as it looks the same, and pages of other
    #: brands have none like it.
    emblem: float
    #: The same of the next two together, 0 to 2.
    emblems_beside: float
    #: Agreement of the palettes, 0 to 1; None where one was not kept, or neither has a colour.
    colours: float | None
    #: Where the best emblem in common lies in the query; None without one.
    box_query: Box | None
    #: Where it lies in the reference; None without one.
    box_reference: Box | None
    #: Number of other brands of the baseline that have more in common with the page.
    better_brands: int = 0


@dataclass(frozen=True, slots=True)
class Evidence(HashEvidence):
    """What verification measured about a pair, and what other candidates said. None: not measured."""

    #: Number of geometrically consistent correspondences at distinct places.
    inliers: int | None = None
    #: Share of the keypoints in the overlap with a counterpart where the transform predicts it, 0 to 1, in
    #: the picture where it is larger: near 0 for a transform by chance, low where only a frame is shared.
    explained: float | None = None
    #: Share of the query's area inside the reference, 0 to 1.
    covered_query: float | None = None
    #: Share of the reference's area inside the query, 0 to 1.
    covered_reference: float | None = None
    #: Share of the textured blocks in the overlap that show the same content, 0 to 1.
    content_agreement: float | None = None
    #: The larger of two shares: agreeing blocks among the emptier picture's, and those outside one horizontal
    #: band, 0 to 1. Near 1 when one picture shows all of the other and more.
    agreement_of_emptier: float | None = None
    #: The same share among the blocks textured in both pictures: low where the content differs, high where
    #: something was added or has faded.
    agreement_both_textured: float | None = None
    #: The same share outside the one rectangle, at most 40 % of the overlap, that leaves most agreement: near
    #: 1 where the differences lie together.
    agreement_outside_rectangle: float | None = None
    #: Area of the smallest rectangle outside which nearly all blocks agree, as a share of the overlap; 1 when
    #: there is none.
    differing_rectangle: float | None = None
    #: Share of one picture's edges that the other has too, whichever is larger, 0 to 1: text written on a
    #: picture leaves the picture's edges.
    edges_contained: float | None = None
    #: Mean normalised cross-correlation of the textured blocks, -1 to 1.
    block_correlation: float | None = None
    #: Number of textured blocks that the shares rest on.
    blocks_compared: int | None = None
    #: Regions in which the two differ, the largest first, at most 20; looked for in pairs that could be a
    #: match.
    differences: tuple[Difference, ...] | None = None
    #: Number of all regions where something stands in the place of something else of its kind, as other
    #: values in a form; not what was drawn on a picture or covers a part of it.
    replaced_regions: int | None = None
    #: Number of blocks of these regions, without those of the largest.
    replaced_beside: int | None = None
    #: Share of the textured blocks that these regions take, 0 to 1.
    replaced_share: float | None = None
    #: Number of small blocks, at the finest scale that both have, that are textured on either side.
    fine_blocks: int | None = None
    #: Share of them that show the same, 0 to 1.
    fine_agreement: float | None = None
    #: Share of those textured on both sides that show the same, 0 to 1: a cover takes few of these.
    fine_both_textured: float | None = None
    #: Number of codes that say the same in the same place.
    codes_same: int | None = None
    #: Number of codes that say something else in the same place.
    codes_differing: int | None = None
    #: Area of the largest of these, as a share of the picture of which it takes more, 0 to 1.
    code_share: float | None = None
    #: Where one picture stands in the other as an object, in the one that holds it.
    object_box: Box | None = None
    #: Longer side of that place, in source pixels.
    object_pixels: int | None = None
    #: How far its edges agree with those of the place, -1 to 1.
    object_agreement: float | None = None
    #: How much more the place is like the object than like any letter or simple shape, -1 to 1.
    object_lead: float | None = None
    #: What the page has in common with a page of a baseline; None where neither is one.
    likeness: Likeness | None = None
    #: Most inliers of another picture within this pair's part of the query, among the candidates of one
    #: search: near `inliers` where both share a template. None where the pair was compared by itself or among
    #: few images, or has no inliers. Always seen from the query's side.
    rival_inliers: int | None = None
    #: Inliers, counted so, of another picture that looks like the reference, agrees with the query about as
    #: well and differs from the reference in small places; None without one, for a pair that would be no
    #: match anyway, and for a pair that was compared by itself.
    twin_inliers: int | None = None
    #: Number of other pictures that agree with the query as well as this one, where the query is ambiguous
    #: (see search/context/ambiguity.py).
    ambiguous_with: int | None = None
    #: Minimum number of pictures that show the shared part, where it is a common region and nothing else
    #: agrees (see search/context/common_regions.py).
    common_region_pictures: int | None = None
    #: Number of images in the store when these pictures were counted.
    common_region_images: int | None = None
    #: The ignored picture that is all the two have in common.
    ignored_image: ImageId | None = None
    #: True if the search ended before it was known what other candidates say about the pair.
    context_cut: bool | None = None
    #: How the comparison ended.
    configuration: Configuration = Configuration.NO_GEOMETRY
    #: Row-major 3x3 transform from query to reference, both in coordinates from 0 to 1; None without one.
    matrix: tuple[float, ...] | None = None

    @property
    def has_all_frames(self) -> bool:
        """Return whether either has all frames or pages of the other."""
        return None in (self.frames_query, self.frames_reference) or 1.0 in (
            self.frames_query,
            self.frames_reference,
        )

    @property
    def same_frames(self) -> bool:
        """Return whether both have the same frames or pages, as far as their hashes tell."""
        return {self.frames_query, self.frames_reference} in ({None}, {1.0})

    @property
    def same(self) -> bool:
        """Return whether both are the same picture for certain: bytes or pixels are equal, and they show
        something. Blank pages of two sites are equal, too.
        """
        return self.equal and self.configuration is not Configuration.UNINFORMATIVE


@dataclass(frozen=True, slots=True)
class CommonRegion:
    """A part of a picture that so many other pictures show that it is no evidence."""

    #: An image that shows it.
    image_id: ImageId
    #: Where it lies in that image.
    region: Box
    #: Minimum number of different pictures that show it; those of one cluster count as one.
    pictures: int
    #: Number of images in the store when it was found.
    images: int
    #: Images that seem to show it, as far as the index was asked.
    holders: frozenset[ImageId] = frozenset()
    #: Those of them that were verified to show it.
    shown_by: tuple[ImageId, ...] = ()


@dataclass(frozen=True, slots=True)
class NotedRegion:
    """A common region as the store keeps it."""

    #: The region.
    region: CommonRegion
    #: When linking met it last (UTC).
    met: datetime
    #: When linking met it first, which is when it had become common (UTC).
    since: datetime


class Decision(str, Enum):
    """The three answers."""

    #: A machine may act on it.
    MATCH = "match"
    #: A person should look.
    REVIEW = "review"
    #: The pictures do not show the same, as far as the evidence goes.
    NO_MATCH = "no-match"


class Relation(str, Enum):
    """How the two pictures belong together."""

    #: Same bytes or same pixels.
    IDENTICAL = "identical"
    #: The whole pictures agree.
    NEAR_DUPLICATE = "near-duplicate"
    #: One holds the other or a part of it, or both share a part.
    PARTIAL = "partial"
    #: Same brand or design, another source picture; judged only against a baseline.
    LOOKS_LIKE = "looks-like"
    #: Same layout, other content; always a no-match.
    SAME_TEMPLATE = "same-template"


class Reason(str, Enum):
    """Why a verdict is what it is, for machines; the sentence says it to people."""

    #: The bytes are equal.
    SAME_BYTES = "same-bytes"
    #: The pixels are equal, the bytes are not.
    SAME_PIXELS = "same-pixels"
    #: A person judged the pair.
    PERSON = "person"
    #: One of the two pictures is blank or nearly so, or both are.
    BLANK = "blank"
    #: Nothing aligns the two pictures.
    NO_GEOMETRY = "no-geometry"
    #: Keypoints cannot be compared: extractor versions differ, or only hashes were kept.
    INCOMPARABLE = "incomparable"
    #: Content was not compared, so nothing could have refuted a match.
    CONTENT_NOT_COMPARED = "content-not-compared"
    #: The two files share this frame or page, and one or both have others, too.
    FRAMES_DIFFER = "frames-differ"
    #: The search ended before the other candidates were compared, one of which might have refuted a match.
    CONTEXT_CUT = "context-cut"
    #: Another candidate, or a twin of this one, agrees with the query in the same part.
    RIVAL = "rival"
    #: In some places stands something else of the same kind, as other values in a form.
    CONTENT_DIFFERS = "content-differs"
    #: A code in the same place says something else, and takes much of the picture.
    OTHER_CODE = "other-code"
    #: Many different pictures agree with the query equally well.
    AMBIGUOUS = "ambiguous"
    #: All that the two share is found in too many pictures.
    COMMON_REGION = "common-region"
    #: All that the two share is an ignored picture.
    IGNORED = "ignored"
    #: Same layout, other content.
    TEMPLATE = "template"
    #: The reference is a page of a baseline with the same design.
    BASELINE = "baseline"
    #: One of the two is a logo or an icon of a baseline, and stands in the other.
    OBJECT = "object"
    #: The evidence is too weak for the decision above.
    WEAK_EVIDENCE = "weak-evidence"


#: Calibration id of a verdict that a person gave.
PERSON = "person"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The conclusion about two pictures, with the evidence that it rests on."""

    #: The answer.
    decision: Decision
    #: How they belong together; None for a no-match that shares no layout.
    relation: Relation | None
    #: Probability that both show the same source picture, 0 to 1.
    confidence: float
    #: What was measured.
    evidence: Evidence
    #: The calibration that decided, or PERSON.
    calibration_id: str
    #: The evidence in words.
    sentence: str
    #: Why it is so, most important first.
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one predictor adds to the log odds of a verdict."""

    #: Name of the predictor; or `prior`, `without_transform`, `ambiguous_with`, `common_region_pictures`.
    predictor: str
    #: Its value; None where it was not measured, or stands for "beyond any measure".
    value: float | None
    #: Natural logarithm of the odds that it adds.
    weight: float


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """A verdict about `image_id` as kept on the other image's side."""

    #: The other image.
    image_id: ImageId
    #: The verdict, with the image that keeps it as the query.
    verdict: Verdict
    #: When it was reached (UTC).
    judged: datetime


class JudgementWord(str, Enum):
    """What a person says of two images. It outranks every score and stands until it is taken back."""

    #: Both show the same source picture; joins them in a cluster.
    SAME = "same"
    #: One shows a part of the other, or both share a part: a match that never joins.
    PART = "part"
    #: The same layout or design with other content: not a match.
    SAME_DESIGN = "same-design"
    #: Not the same picture.
    DIFFERENT = "different"
    #: The person could not tell; the score counts.
    UNSURE = "unsure"


#: Collection that ignored pictures go to when none is named. chosen.
IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person said of an image and another one."""

    #: The other image.
    image_id: ImageId
    #: What was said.
    word: JudgementWord
    #: Name of the person; empty when it is not known.
    who: str
    #: When it was said, UTC.
    when: datetime
    #: Where it came from, such as the command line, a host or an event there.
    source: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """One image, or several that matches of whole pictures have joined."""

    #: Canonical id.
    cluster_id: str
    #: Ids of clusters that were merged into this one; they remain valid names of it.
    aliases: tuple[str, ...]
    #: Its images.
    members: tuple[ImageId, ...]
    #: Those of its images that a picture has to match, as a whole, to join: one, or more where a person
    #: joined clusters.
    representatives: tuple[ImageId, ...]


class RecordOutcome(str, Enum):
    """What became of a pair when a verdict or a judgement about it was recorded."""

    #: Stored on both sides; the two images are in one cluster.
    JOINED = "joined"
    #: Stored on both sides; nothing joins the two.
    STORED = "stored"
    #: Stored on both sides, but not joined: the union would put two images into one cluster that a person's
    #: word keeps apart.
    APART = "apart"
    #: Stored on both sides, but not joined: no image could represent both clusters, so the pair is a link of
    #: a chain.
    CHAIN = "chain"
    #: Stored on both sides, but neither shown nor joined: a person's word keeps the two images apart.
    VETOED = "vetoed"
    #: Not stored: one of the two is no longer in the store.
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What forgetting an image removed."""

    #: The image.
    image_id: ImageId
    #: Number of its occurrences.
    occurrences: int
    #: Number of images that had a verdict about it.
    verdicts: int
    #: Images that left their cluster because this one had connected them. They are to be linked again
    #: (store/links.py).
    unlinked: tuple[ImageId, ...]


@dataclass(frozen=True, slots=True)
class StoreStats:
    """The store in numbers."""

    #: Images.
    images: int
    #: Occurrences of all images together.
    occurrences: int
    #: Clusters of two images or more.
    clusters: int
    #: Pairs that match as whole pictures and are not in one cluster, because no image could represent both.
    chains: int
    #: Common regions that linking has met, as far as they are noted.
    common_regions: int
    #: Collections.
    collections: int
    #: Rows of forgotten images that wait for compaction; they are overwritten already.
    dead_rows: int
    #: Bytes of all primary servers together.
    used_memory: int
    #: Name and version of the servers.
    server: str
    #: What a power cut or a killed server would cost, for a person to read.
    persistence: str
    #: Version of the key table.
    schema: int
