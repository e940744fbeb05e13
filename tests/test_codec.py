"""A record returns what was put in, and broken or newer bytes are refused by name."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import zlib
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image
from support.pictures import blank, page, png, tall_page

from douglas_quaid.decoding.image import decode_image
from douglas_quaid.errors import CorruptRecord, FormatError, UnknownVersion
from douglas_quaid.features import codec, extract_features
from douglas_quaid.features.local import pack, unpack
from douglas_quaid.features.options import DEFAULTS
from douglas_quaid.features.thumbnail import make_thumbnail
from douglas_quaid.index.new_image import new_image
from douglas_quaid.index.words import WordKeypoints
from douglas_quaid.records import (
    Code,
    Codes,
    FamilyVersions,
    FrameHashes,
    Hashes,
    ImageFeatures,
    LocalFeatures,
)

GOLDEN = Path(__file__).parent / "golden"
FORMAT = Path(codec.__file__).with_name("FORMAT.md")


def features_of(data: bytes, **options: bool) -> ImageFeatures:
    return extract_features(decode_image(data, max_bytes=1 << 26, max_pixels=120_000_000), **options)


def made_up(**changes: object) -> ImageFeatures:
    """Features without a picture: three keypoints on a frame of 640 x 400."""
    places = np.array([[0.0, 0.0, 31.0, 0.0], [320.0, 200.0, 62.5, 90.0], [640.0, 400.0, 111.0, 359.99]])
    keypoints = unpack(pack(places, 640.0, 400.0), 640.0, 400.0)
    features = ImageFeatures(
        image_id="ab" * 32,
        width=1280,
        height=800,
        format="PNG",
        frames=7,
        frame=5,
        truncated=True,
        decoding=2,
        versions=FamilyVersions(
            pixels=1, pdq=2, imagehash=3, tlsh=4, local=5, thumbnail=6, frames=7, codes=9, palette=10
        ),
        pixel_digest=bytes(range(32)),
        hashes=Hashes(
            pdq=bytes(32),
            orientations=tuple(bytes([i]) * 32 for i in range(8)),
            pdq_quality=77,
            ahash=b"a" * 8,
            phash=b"p" * 8,
            dhash=b"d" * 8,
            whash=b"w" * 8,
        ),
        tlsh="T1" + "0A" * 35,
        local=LocalFeatures(
            frame_width=640.0,
            frame_height=400.0,
            keypoints=keypoints,
            descriptors=np.arange(96, dtype=np.uint8).reshape(3, 32),
        ),
        thumbnail=b"any bytes",
        frame_hashes=FrameHashes((b"f" * 32, b"g" * 32), 4),
        codes=Codes(b"key!", (Code(b"d" * 16, (0.0, 0.2, 0.4, 1.0)), Code(b"e" * 16, (0.6, 0.8, 1.0, 1.0)))),
        palette=bytes([200, 20, 30, 90, 20, 30, 200, 40]),
        informative=True,
    )
    return dataclasses.replace(features, **changes)  # type: ignore[arg-type]


def same(one: ImageFeatures, other: ImageFeatures) -> bool:
    """Equal in every field, arrays included, types and all."""
    for field in dataclasses.fields(ImageFeatures):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name == "local":
            arrays = all(
                np.array_equal(getattr(a, name), getattr(b, name)) for name in ("keypoints", "descriptors")
            )
            if (
                not arrays
                or (a.frame_width, a.frame_height) != (b.frame_width, b.frame_height)
                or a.keypoints.dtype != b.keypoints.dtype
            ):
                return False
        elif a != b or type(a) is not type(b):
            return False
    return True


@pytest.mark.parametrize(
    "data",
    [png(page(1, 640, 400)), png(tall_page(2, 320, 6)), png(blank(3, 2))],
    ids=["page", "tall page", "blank"],
)
@pytest.mark.parametrize(
    "options", [{}, {"whash": True}, {"thumbnails": False}], ids=["default", "whash", "no thumbnail"]
)
def test_what_is_decoded_is_what_was_extracted(data: bytes, options: dict[str, bool]) -> None:
    fresh = features_of(data, **options)

    record = codec.encode(fresh)
    stored = codec.decode(record)

    assert same(fresh, stored)
    assert codec.encode(stored) == record


def test_optional_parts_may_be_missing() -> None:
    bare = made_up(
        tlsh=None,
        thumbnail=None,
        codes=None,
        palette=None,
        frame_hashes=None,
        truncated=False,
        informative=False,
        hashes=dataclasses.replace(made_up().hashes, whash=None),
        versions=dataclasses.replace(made_up().versions, thumbnail=0, frames=0, codes=0, palette=0),
        local=LocalFeatures(
            frame_width=1.0,
            frame_height=1.0,
            keypoints=np.empty((0, 4), np.float32),
            descriptors=np.empty((0, 32), np.uint8),
        ),
    )

    stored = codec.decode(codec.encode(bare))

    assert (stored.tlsh, stored.thumbnail, stored.hashes.whash, stored.informative, len(stored.local)) == (
        None,
        None,
        None,
        False,
        0,
    )
    assert stored.versions == bare.versions


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 4000), st.floats(0, 360, exclude_max=True)),
        max_size=20,
    ),
    st.tuples(st.integers(1, 32_000), st.integers(1, 32_000)),
)
def test_keypoints_are_rounded_once_and_then_for_ever(
    rows: list[tuple[float, float, float, float]], frame: tuple[int, int]
) -> None:
    keypoints = np.array(rows, float).reshape(-1, 4) * (*frame, 1, 1)
    local = LocalFeatures(
        float(frame[0]), float(frame[1]), keypoints.astype(np.float32), np.zeros((len(rows), 32), np.uint8)
    )

    record = codec.encode(made_up(local=local))
    stored = codec.decode(record).local

    assert codec.encode(made_up(local=stored)) == record
    assert np.abs(stored.keypoints[:, :2] - local.keypoints[:, :2]).max(initial=0) <= max(frame) / 65535
    assert np.abs(stored.keypoints[:, 2] - local.keypoints[:, 2]).max(initial=0) <= 1 / 16
    rotation = np.abs(stored.keypoints[:, 3] - local.keypoints[:, 3])
    assert np.minimum(rotation, 360 - rotation).max(initial=0) <= 0.01


def test_record_and_words_of_a_screenshot_take_at_most_22_kib() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (800, 1280, 3), np.uint8)
    busy = Image.fromarray(cv2.GaussianBlur(noise, (0, 0), 1))

    for picture in (*(page(seed) for seed in range(4)), busy):
        entry = new_image(features_of(png(picture)))
        assert len(entry.record) + len(entry.words) <= 22 * 1024


def test_the_first_keypoints_are_stored_and_indexed_and_a_query_has_all() -> None:
    asked = features_of(png(page(1)))
    entry = new_image(asked)
    stored = codec.decode(entry.record).local

    assert len(asked.local) > 700 and len(stored) == DEFAULTS.local.stored
    assert (stored.descriptors == asked.local.descriptors[: len(stored)]).all()
    assert entry.words == WordKeypoints.of(stored).column()


def test_a_busy_picture_has_a_coarser_thumbnail() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (800, 1280), np.uint8)
    soft, busy = (make_thumbnail(cv2.GaussianBlur(noise, (0, 0), sigma)) for sigma in (3, 1))

    best = dataclasses.replace(DEFAULTS.thumbnail, qualities=DEFAULTS.thumbnail.qualities[:1])
    assert soft == make_thumbnail(cv2.GaussianBlur(noise, (0, 0), 3), options=best)
    assert len(busy) < len(make_thumbnail(cv2.GaussianBlur(noise, (0, 0), 1), options=best))


# --- Bytes that cannot be trusted ---------------------------------------------------------------------------

RECORD = codec.encode(made_up())


def test_every_flipped_bit_is_noticed() -> None:
    for place in range(len(RECORD)):
        broken = bytearray(RECORD)
        broken[place] ^= 1 << place % 8
        with pytest.raises(CorruptRecord):
            codec.decode(bytes(broken))


def test_every_shortened_or_lengthened_record_is_noticed() -> None:
    for length in range(len(RECORD)):
        with pytest.raises(CorruptRecord):
            codec.decode(RECORD[:length])
    with pytest.raises(CorruptRecord):
        codec.decode(RECORD + b"\0")


def signed(body: bytes) -> bytes:
    """A record with a valid checksum, as a faulty or newer writer might leave it."""
    return body + hashlib.sha256(body).digest()[:8]


def test_a_record_of_a_newer_program_is_refused_by_name() -> None:
    newer = bytearray(RECORD[:-8])
    newer[4] = 5

    with pytest.raises(UnknownVersion, match=r"version 5, this program reads up to 4; update"):
        codec.decode(signed(bytes(newer) + b"and whatever newer programs write"))


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_valid_checksum_over_nonsense_gives_features_or_a_format_error(data: st.DataObject) -> None:
    body = bytearray(RECORD[:-8])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(4, len(body) - 1))] = data.draw(st.integers(0, 255))
    body = body[: data.draw(st.one_of(st.just(len(body)), st.integers(0, len(body))))]

    try:
        features = codec.decode(signed(bytes(body)))
    except FormatError:
        return
    assert len(features.local.descriptors) == len(features.local) <= 3


def test_a_count_that_promises_more_than_there_is_allocates_nothing() -> None:
    # Given a record whose keypoint count says four billion
    body = bytearray(RECORD[:-8])
    place = body.index((3).to_bytes(4, "little"), body.index(np.float64(400.0).tobytes()))
    body[place : place + 4] = b"\xff\xff\xff\xff"

    with pytest.raises(CorruptRecord, match="bytes where"):
        codec.decode(signed(bytes(body)))


def test_places_that_unpack_to_more_than_the_keypoints_are_refused_unread() -> None:
    # Given a record whose three places unpack to a gigabyte of zeros
    record = codec.encode(made_up())
    bomb = zlib.compress(bytes(1 << 28), 9)
    head = codec.LOCAL_HEAD.pack(640.0, 400.0, 3, len(bomb))
    local = head + bomb + made_up().local.descriptors.tobytes()
    old = codec.encode_local(made_up().local)
    body = record[:-8].replace(len(old).to_bytes(4, "little") + old, len(local).to_bytes(4, "little") + local)
    body = body[:8] + (len(body) + 8).to_bytes(4, "little") + body[12:]

    with pytest.raises(CorruptRecord, match="end elsewhere"):
        codec.decode(signed(body))


# --- The documentation --------------------------------------------------------------------------------------


def table(heading: str) -> list[tuple[int, int]]:
    """Offset and size of each row of the table below a heading of FORMAT.md."""
    text = FORMAT.read_text().split(heading, 1)[1].split("\n\n|", 1)[1].split("\n\n", 1)[0]
    return [
        (int(offset), int(size)) for offset, size in re.findall(r"^\| (\d+) \| (\d+) \|", text, re.MULTILINE)
    ]


@pytest.mark.parametrize(
    ("heading", "size"),
    [
        ("## Head", codec.HEAD.size),
        ("## Family head", codec.FAMILY.size),
        ("## Local features", codec.LOCAL_HEAD.size),
        ("## Codes", codec.CODE.size),
    ],
)
def test_the_tables_of_the_format_describe_the_code(heading: str, size: int) -> None:
    rows = table(heading)

    assert rows[0][0] == 0 and sum(width for _, width in rows) == size
    assert all(offset + width == following for (offset, width), (following, _) in pairwise(rows))


def test_the_offsets_of_the_head_hold_what_the_format_says() -> None:
    number = lambda start, size: int.from_bytes(RECORD[start : start + size], "little")  # noqa: E731

    assert (
        RECORD[:4] == b"DQF1"
        and number(4, 1) == codec.FORMAT_VERSION
        and number(5, 1) == 3
        and number(6, 2) == 9
    )
    assert number(8, 4) == len(RECORD) and RECORD[12:44].hex() == "ab" * 32
    assert (number(44, 4), number(48, 4), number(52, 4)) == (1280, 800, 7) and RECORD[
        56:64
    ] == b"PNG\0\0\0\0\0"
    assert (number(64, 4), number(68, 1)) == (5, 2)


# --- Released bytes -----------------------------------------------------------------------------------------


def test_the_golden_record_of_format_1_is_read_as_one_of_the_first_frame_and_the_first_rules() -> None:
    stored = codec.decode((GOLDEN / "record-v1.bin").read_bytes())

    first = dataclasses.replace(made_up().versions, frames=0, codes=0, palette=0)
    expected = made_up(
        frame=0, truncated=False, decoding=1, frame_hashes=None, codes=None, palette=None, versions=first
    )
    assert same(stored, expected)


def test_the_golden_record_of_format_2_is_read_as_one_without_codes() -> None:
    stored = codec.decode((GOLDEN / "record-v2.bin").read_bytes())

    second = dataclasses.replace(made_up().versions, codes=0, palette=0)
    assert same(stored, made_up(codes=None, palette=None, versions=second))


def test_the_golden_record_of_format_3_is_read_without_its_detail_and_has_no_palette() -> None:
    stored = codec.decode((GOLDEN / "record-v3.bin").read_bytes())

    third = dataclasses.replace(made_up().versions, palette=0)
    assert same(stored, made_up(palette=None, versions=third))


def test_the_golden_record_of_format_4_is_read_and_written_to_the_bit() -> None:
    record = (GOLDEN / "record-v4.bin").read_bytes()

    assert same(codec.decode(record), made_up())
    assert codec.encode(made_up()) == record
