"""The feature record: ImageFeatures to bytes and back, in the layout of FORMAT.md in this folder.

The writer knows one format version, the reader all released ones. A format that gains a family gets a new
number, so that an older program refuses it by name. Sizes are checked before anything is allocated, and a
checksum over the whole record turns flipped or missing bytes into a CorruptRecord, never into other features.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..errors import CorruptRecord, UnknownVersion
from ..records import Code, Codes, FamilyVersions, FrameHashes, Hashes, ImageFeatures, LocalFeatures
from .codes import DIGEST_BYTES, KEY_NAME_BYTES, STEPS
from .local import pack, unpack
from .palette import BYTES, COLOURS

#: First bytes of every record.
MAGIC = b"DQF1"
#: Format version that is written.
FORMAT_VERSION = 4
#: Maximum size of a record in bytes. chosen: twenty bands of keypoints and the thumbnail of 320 x 16,383
#: pixels of noise stay below half of it.
MAX_RECORD = 16 * 1024 * 1024

#: Head of a record of format version 1.
HEAD_V1 = struct.Struct("<4sBBHI32sIII8s")
#: Head of a record; a test compares it and the next three with the tables of FORMAT.md.
HEAD = struct.Struct(HEAD_V1.format + "IB")
#: Head of a family.
FAMILY = struct.Struct("<BBHI")
#: Head of the local features in format versions 1 and 2.
PLAIN_LOCAL_HEAD = struct.Struct("<ddI")
#: Head of the local features.
LOCAL_HEAD = struct.Struct(PLAIN_LOCAL_HEAD.format + "I")
#: Bytes of a keypoint's place, and of its descriptor. spec: FORMAT.md.
PLACE, DESCRIPTOR = 8, 32
#: Level of compression. measured (2026-12, 850 keypoints): 6.3 of 8 bytes remain, in 0.2 ms; 9 is as small.
ZLIB_LEVEL = 6
#: Number of frames that were not examined, before the hashes of frames.
FRAMES_HEAD = struct.Struct("<I")
#: A code: its digest, and the box around it.
CODE = struct.Struct(f"<{DIGEST_BYTES}s4H")
#: Bytes of the checksum.
CHECKSUM = 8

_PIXELS, _PDQ, _IMAGEHASH, _TLSH, _LOCALS, _THUMBNAIL, _FRAMES, _, _CODES, _PALETTE = range(1, 11)
_INFORMATIVE, _TRUNCATED = 1, 2


def encode(features: ImageFeatures) -> bytes:
    """Return the record of one picture in the current format version."""
    hashes, versions = features.hashes, features.versions
    families = [
        (_PIXELS, versions.pixels, features.pixel_digest),
        (_PDQ, versions.pdq, b"".join(hashes.orientations) + bytes([hashes.pdq_quality])),
        (_IMAGEHASH, versions.imagehash, hashes.ahash + hashes.phash + hashes.dhash + (hashes.whash or b"")),
        (_TLSH, versions.tlsh, (features.tlsh or "").encode("ascii")),
        (_LOCALS, versions.local, encode_local(features.local)),
    ]
    if features.thumbnail is not None:
        families.append((_THUMBNAIL, versions.thumbnail, features.thumbnail))
    if (frames := features.frame_hashes) is not None:
        families.append((_FRAMES, versions.frames, FRAMES_HEAD.pack(frames.unseen) + b"".join(frames.hashes)))
    if (codes := features.codes) is not None:
        families.append((_CODES, versions.codes, codes.key_name + b"".join(map(_encode_code, codes.found))))
    if features.palette is not None:
        families.append((_PALETTE, versions.palette, features.palette))
    body = b"".join(
        FAMILY.pack(code, version, 0, len(payload)) + payload for code, version, payload in families
    )
    head = HEAD.pack(
        MAGIC,
        FORMAT_VERSION,
        _INFORMATIVE * features.informative + _TRUNCATED * features.truncated,
        len(families),
        HEAD.size + len(body) + CHECKSUM,
        bytes.fromhex(features.image_id),
        features.width,
        features.height,
        features.frames,
        features.format.encode("ascii"),
        features.frame,
        features.decoding,
    )
    return head + body + _checksum(head + body)


def decode(data: bytes) -> ImageFeatures:
    """Return the features of a record.

    Raises CorruptRecord when the bytes are not an intact record, and UnknownVersion when a newer program
    wrote it.
    """
    if len(data) < HEAD_V1.size + CHECKSUM or len(data) > MAX_RECORD or data[:4] != MAGIC:
        raise CorruptRecord(f"{len(data)} bytes are not a feature record; add the picture again")
    if data[-CHECKSUM:] != _checksum(data[:-CHECKSUM]):
        raise CorruptRecord(f"feature record of {len(data)} bytes fails its checksum; add the picture again")
    if not 1 <= data[4] <= FORMAT_VERSION:
        raise UnknownVersion(
            f"feature record of format version {data[4]}, this program reads up to {FORMAT_VERSION};"
            " update douglas-quaid"
        )
    try:
        return _decode(data)
    except (struct.error, zlib.error, ValueError, KeyError, UnicodeDecodeError) as error:
        raise CorruptRecord(
            f"feature record of {len(data)} bytes does not fit its format ({error}); add the picture again"
        ) from error


def _decode(data: bytes) -> ImageFeatures:
    head = HEAD_V1 if data[4] == 1 else HEAD
    _, _, flags, count, size, image_id, width, height, frames, format, *added = head.unpack_from(data)
    frame, decoding = added or (0, 1)
    if size != len(data):
        raise ValueError(f"size field says {size}")
    families = {code: (version, payload) for code, version, payload in _families(data, head.size, count)}
    pdq, locals = _sized(families[_PDQ][1], 257), families[_LOCALS][1]
    hashes = _sized(families[_IMAGEHASH][1], 24, 32)
    thumbnail_version, thumbnail = families.get(_THUMBNAIL, (0, None))
    frames_version, frame_hashes = families.get(_FRAMES, (0, None))
    codes_version, codes = families.get(_CODES, (0, None))
    palette_version, palette = families.get(_PALETTE, (0, None))
    return ImageFeatures(
        image_id=image_id.hex(),
        width=width,
        height=height,
        format=format.rstrip(b"\0").decode("ascii"),
        frames=frames,
        frame=frame,
        truncated=bool(flags & _TRUNCATED),
        decoding=decoding,
        versions=FamilyVersions(
            pixels=families[_PIXELS][0],
            pdq=families[_PDQ][0],
            imagehash=families[_IMAGEHASH][0],
            tlsh=families[_TLSH][0],
            local=families[_LOCALS][0],
            thumbnail=thumbnail_version,
            frames=frames_version,
            codes=codes_version,
            palette=palette_version,
        ),
        pixel_digest=_sized(families[_PIXELS][1], 32),
        hashes=Hashes(
            pdq=pdq[:32],
            orientations=tuple(pdq[i : i + 32] for i in range(0, 256, 32)),
            pdq_quality=pdq[256],
            ahash=hashes[:8],
            phash=hashes[8:16],
            dhash=hashes[16:24],
            whash=hashes[24:] or None,
        ),
        tlsh=_sized(families[_TLSH][1], 0, 72).decode("ascii") or None,
        local=_decode_plain_local(locals) if data[4] < 3 else _decode_local(locals),
        thumbnail=thumbnail,
        frame_hashes=None if frame_hashes is None else _decode_frames(frame_hashes),
        codes=None if codes is None else _decode_codes(codes),
        palette=None if palette is None else _sized(palette, *range(0, BYTES * COLOURS + 1, BYTES)),
        informative=bool(flags & _INFORMATIVE),
    )


def _families(data: bytes, position: int, count: int) -> Iterator[tuple[int, int, bytes]]:
    end, last = len(data) - CHECKSUM, 0
    for _ in range(count):
        code, version, _, length = FAMILY.unpack_from(data, position)
        position += FAMILY.size
        if not last < code <= _PALETTE or length > end - position:
            raise ValueError(f"family {code} of {length} bytes at {position}")
        yield code, version, data[position : position + length]
        position, last = position + length, code
    if position != end:
        raise ValueError(f"{end - position} bytes after the last family")


def encode_local(local: LocalFeatures) -> bytes:
    """Return the bytes of the local features, as a record has them."""
    packed = pack(local.keypoints, local.frame_width, local.frame_height)
    places = zlib.compress(np.ascontiguousarray(packed.T).tobytes(), ZLIB_LEVEL)
    head = LOCAL_HEAD.pack(local.frame_width, local.frame_height, len(local), len(places))
    return head + places + local.descriptors.tobytes()


def _decode_local(payload: bytes) -> LocalFeatures:
    width, height, count, size = LOCAL_HEAD.unpack_from(payload)
    end = LOCAL_HEAD.size + size
    _sized(payload, end + DESCRIPTOR * count)
    unpacker = zlib.decompressobj()
    places = unpacker.decompress(payload[LOCAL_HEAD.size : end], PLACE * count + 1)
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError(f"places of {count} keypoints that end elsewhere")
    packed = np.frombuffer(_sized(places, PLACE * count), "<u2").reshape(4, count).T
    return _local(width, height, packed, payload[end:])


def _decode_plain_local(payload: bytes) -> LocalFeatures:
    """Local features of format versions 1 and 2, whose places are not compressed."""
    width, height, count = PLAIN_LOCAL_HEAD.unpack_from(payload)
    end = PLAIN_LOCAL_HEAD.size + PLACE * count
    _sized(payload, end + DESCRIPTOR * count)
    packed = np.frombuffer(payload, "<u2", 4 * count, PLAIN_LOCAL_HEAD.size).reshape(count, 4)
    return _local(width, height, packed, payload[end:])


def _local(width: float, height: float, packed: NDArray[np.uint16], descriptors: bytes) -> LocalFeatures:
    if not (0 < width < 1e6 and 0 < height < 1e6):
        raise ValueError(f"frame of {width} x {height}")
    return LocalFeatures(
        frame_width=width,
        frame_height=height,
        keypoints=unpack(packed, width, height),
        descriptors=np.frombuffer(descriptors, np.uint8).reshape(-1, DESCRIPTOR),
    )


def _decode_frames(payload: bytes) -> FrameHashes:
    (unseen,) = FRAMES_HEAD.unpack_from(payload)
    count = (len(payload) - FRAMES_HEAD.size) // 32
    _sized(payload, FRAMES_HEAD.size + 32 * count)
    hashes = (payload[i : i + 32] for i in range(FRAMES_HEAD.size, len(payload), 32))
    return FrameHashes(tuple(hashes), unseen)


def _encode_code(code: Code) -> bytes:
    return CODE.pack(code.digest, *(round(end * STEPS) for end in code.box))


def _decode_codes(payload: bytes) -> Codes:
    count = (len(payload) - KEY_NAME_BYTES) // CODE.size
    _sized(payload, KEY_NAME_BYTES + CODE.size * count)
    rows = CODE.iter_unpack(payload[KEY_NAME_BYTES:])
    return Codes(
        payload[:KEY_NAME_BYTES],
        tuple(
            Code(digest, (x0 / STEPS, y0 / STEPS, x1 / STEPS, y1 / STEPS)) for digest, x0, y0, x1, y1 in rows
        ),
    )


def _sized(payload: bytes, *sizes: int) -> bytes:
    if len(payload) not in sizes:
        raise ValueError(f"{len(payload)} bytes where {' or '.join(map(str, sizes))} belong")
    return payload


def _checksum(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()[:CHECKSUM]
