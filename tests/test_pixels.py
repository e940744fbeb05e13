"""What viewers show is judged: transparency, frames, deep greys and colours, each of drawn pictures."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageDraw
from support.formats import png_file
from support.pictures import blank, jpeg, page, photo, png, saved

from douglas_quaid import Engine
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.decision.decide import decide_stored
from douglas_quaid.decoding.image import decode_image
from douglas_quaid.decoding.informative import is_informative
from douglas_quaid.decoding.pixels import BLACK, MIDDLE, WHITE
from douglas_quaid.features import extract_features
from douglas_quaid.features.picture import Picture
from douglas_quaid.records import Decision, DecodedImage, Reason, Relation, Verdict
from douglas_quaid.verification.verify import verify


def decode(data: bytes) -> DecodedImage:
    return decode_image(data, max_bytes=1 << 26, max_pixels=120_000_000)


def compared(query: bytes, reference: bytes) -> Verdict:
    sides = (Picture(extract_features(image), image.grey) for image in map(decode, (query, reference)))
    return decide_stored(verify(*sides, thorough=True).evidence, shipped())


def drawing(seed: int, ink: tuple[int, int, int], size: int = 300) -> Image.Image:
    """Shapes of one colour on transparency."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    for _ in range(25):
        x, y, w, h = (int(value) for value in rng.integers(10, size - 60, 4))
        draw.polygon([(x, y), (x + w // 4, y + 9), (x + 30, y + h // 4)], fill=(*ink, 255))
    return picture


def laid(picture: Image.Image, ground: str) -> Image.Image:
    sheet = Image.new("RGB", picture.size, ground)
    sheet.paste(picture, mask=picture)
    return sheet


# --- Transparency -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_white_drawings_on_transparency_are_told_apart_and_found_on_a_dark_page(format: str) -> None:
    options = {"lossless": True} if format == "WEBP" else {}
    one, other = (drawing(seed, (255, 255, 255)) for seed in (1, 2))

    assert compared(saved(one, format, **options), png(other)).decision is Decision.NO_MATCH
    assert (
        compared(saved(one, format, **options), jpeg(laid(one, "#203040"))).decision is not Decision.NO_MATCH
    )
    assert compared(saved(one, format, **options), png(one)).relation is Relation.IDENTICAL


def corner(picture: Image.Image) -> int:
    return int(decode(png(picture)).grey[0, 0])


def test_the_ground_is_white_unless_white_hides_more_than_half() -> None:
    both = drawing(1, (255, 255, 255))
    both.alpha_composite(drawing(2, (0, 0, 0)).crop((0, 0, 150, 300)))
    both.alpha_composite(drawing(3, (255, 255, 255)))
    rimmed = drawing(4, (200, 30, 30))
    ImageDraw.Draw(rimmed).rectangle((0, 0, 20, 299), fill="white")

    assert corner(drawing(1, (0, 0, 0))) == corner(drawing(1, (200, 30, 30))) == WHITE
    assert corner(rimmed.rotate(180)) == WHITE
    assert corner(drawing(1, (255, 255, 255))) == BLACK
    assert corner(both) in (BLACK, MIDDLE)


def test_equal_pixels_mean_equal_opacity_and_what_is_hidden_does_not_count() -> None:
    picture = drawing(1, (0, 0, 0))
    hidden = np.asarray(picture).copy()
    hidden[hidden[..., 3] == 0, :3] = 77
    digest = decode(png(picture)).pixel_digest

    assert decode(png(Image.fromarray(hidden))).pixel_digest == digest
    assert decode(png(laid(picture, "white"))).pixel_digest != digest


@pytest.mark.parametrize("opacity", [0, 1])
def test_a_picture_that_no_viewer_shows_is_blank(opacity: int) -> None:
    picture = page(1, 320, 200)
    picture.putalpha(opacity)

    assert not is_informative(decode(png(picture)).grey)


def test_a_bitmap_whose_opacity_is_zero_everywhere_is_opaque() -> None:
    # Given a BMP of 32 bits with an alpha mask, as the clipboard gives it
    picture = page(1, 160, 100)
    rows = np.dstack([np.asarray(picture)[::-1, :, ::-1], np.zeros((100, 160), np.uint8)]).tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = (
        struct.pack("<IiiHHIIiiII", 108, 160, 100, 1, 32, 3, len(rows), 2835, 2835, 0, 0) + masks + bytes(52)
    )
    data = b"BM" + struct.pack("<IHHI", 14 + 108 + len(rows), 0, 0, 14 + 108) + info + rows

    assert decode(data).pixel_digest == decode(png(picture)).pixel_digest


# --- Frames -------------------------------------------------------------------------------------------------

SCENES = [photo(seed, 160, 120) for seed in range(6)]


def film(*frames: Image.Image, format: str = "GIF", **options: object) -> bytes:
    return saved(frames[0], format, save_all=True, append_images=list(frames[1:]), **options)


@pytest.mark.parametrize("format", ["GIF", "TIFF", "PNG", "WEBP"])
def test_two_files_that_share_one_frame_are_no_copies(format: str) -> None:
    verdict = compared(film(*SCENES[:2], format=format), film(SCENES[0], SCENES[2], format=format))

    assert (verdict.decision, verdict.relation) == (Decision.REVIEW, Relation.PARTIAL)
    assert Reason.FRAMES_DIFFER in verdict.reasons and not verdict.evidence.same_pixels
    assert (verdict.evidence.frames_query, verdict.evidence.frames_reference) == (0.5, 0.5)


def test_a_film_saved_again_is_a_copy_and_one_of_its_frames_is_a_part() -> None:
    known = film(*SCENES)
    smaller = [scene.resize((120, 90)) for scene in SCENES]

    assert compared(film(*SCENES, format="WEBP", quality=70), known).relation is Relation.NEAR_DUPLICATE
    assert compared(film(*smaller), known).relation is Relation.NEAR_DUPLICATE
    part = compared(jpeg(SCENES[0]), known)
    assert (part.decision, part.relation) == (Decision.MATCH, Relation.PARTIAL)
    assert part.sentence.endswith("the reference has other frames or pages, too")


@pytest.mark.parametrize("format", ["GIF", "PNG"])
def test_a_page_is_found_in_a_film_of_pages(format: str) -> None:
    # (fine lines give a page another hash than the samples of a frame)
    pages, sheet = [page(seed, 240, 180) for seed in (0, 8, 9)], blank(240, 180)

    alone = compared(png(pages[0]), film(sheet, pages[0], sheet, format=format))
    assert (alone.decision, alone.evidence.frames_query, alone.evidence.frames_reference) == ("match", 1, 1)
    part = compared(png(pages[0]), film(sheet, *pages, format=format))
    assert (part.decision, part.relation) == (Decision.MATCH, Relation.PARTIAL)
    assert (part.evidence.frames_query, round(part.evidence.frames_reference or 0, 2)) == (1, 0.33)


def test_a_film_of_equal_frames_is_its_still_picture() -> None:
    pages = film(SCENES[0], SCENES[0], SCENES[0], format="TIFF")

    assert decode(pages).pixel_digest == decode(png(SCENES[0])).pixel_digest
    assert compared(pages, png(SCENES[0])).relation is Relation.IDENTICAL


def test_the_still_picture_that_an_animated_png_does_not_show_is_not_judged() -> None:
    data = film(SCENES[0], *SCENES[1:3], format="PNG", default_image=True)

    decoded = decode(data)

    assert (decoded.frames, decoded.frame) == (2, 0)
    assert np.array_equal(decoded.pixels, np.asarray(SCENES[1]))


def test_a_film_that_breaks_off_is_judged_by_what_is_there_and_equals_no_other() -> None:
    whole = film(*SCENES)
    cut = decode(whole[: len(whole) * 2 // 3])

    assert cut.frame == 0 and 0 < len(cut.frame_samples) < 6
    digests = {decode(whole[:size]).pixel_digest for size in (len(whole) * 2 // 3, len(whole) * 2 // 3 + 1)}
    assert len(digests) == 2


def test_a_hostile_number_of_frames_is_bounded() -> None:
    frames = [blank(8, 8, f"rgb({n % 256},{n // 256},9)") for n in range(1000)]

    decoded = decode(film(*frames))

    assert decoded.frames == 1000 and decoded.frames_unseen >= 744


# --- Colours and depth --------------------------------------------------------------------------------------


def lettered(ink: tuple[int, int, int], paper: tuple[int, int, int]) -> Image.Image:
    mask = np.asarray(page(3, 640, 400).convert("L")) < 128
    return Image.fromarray(np.where(mask[..., None], ink, paper).astype(np.uint8))


@pytest.mark.parametrize(
    ("ink", "paper"), [((0, 102, 0), (200, 0, 0)), ((0, 0, 255), (97, 0, 0)), ((0, 120, 0), (170, 0, 170))]
)
def test_letters_as_bright_as_their_paper_are_read_and_found_in_a_jpeg(
    ink: tuple[int, int, int], paper: tuple[int, int, int]
) -> None:
    picture = lettered(ink, paper)
    assert not is_informative(np.asarray(picture.convert("L")))

    assert compared(jpeg(picture, 75), png(picture)).decision is Decision.MATCH


@pytest.mark.parametrize("quality", [10, 30, 75])
def test_compression_and_noise_of_a_blank_sheet_are_no_content(quality: int) -> None:
    rng = np.random.default_rng(1)
    slope = np.linspace(0, 40, 640)[None, :, None] * np.array([1.0, -0.4, -0.5])
    for colour in ((120, 130, 140), (200, 90, 60), (30, 60, 160)):
        sheet = np.clip(np.array(colour) + slope + rng.normal(0, 3, (400, 640, 3)), 0, 255)
        decoded = decode(jpeg(Image.fromarray(sheet.astype(np.uint8)), quality))
        assert not is_informative(decoded.grey), colour


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_twelve_bits_in_sixteen_are_the_picture_of_eight(format: str) -> None:
    grey = np.asarray(page(1, 320, 200).convert("L")).astype(np.uint16)

    assert np.array_equal(decode(saved(Image.fromarray(grey << 4), format)).grey, grey)
    assert np.array_equal(decode(saved(Image.fromarray(grey << 8), format)).grey, grey)


@pytest.mark.parametrize(("kind", "channels"), [(2, 3), (6, 4)])
def test_twelve_bits_of_colour_in_sixteen_are_seen(kind: int, channels: int) -> None:
    colours = np.full((200, 320, channels), 65535, ">u2")
    colours[..., :3] = np.asarray(page(1, 320, 200)).astype(">u2") << 4
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in colours)
    data = png_file(struct.pack(">IIBBBBB", 320, 200, 16, kind, 0, 0, 0), rows)

    assert is_informative(decode(data).grey)
    assert compared(data, png(page(1, 320, 200))).decision is Decision.MATCH


def test_floats_up_to_one_are_a_picture() -> None:
    grey = np.asarray(page(1, 320, 200).convert("L")).astype(np.float32) / 600
    other = np.asarray(page(2, 320, 200).convert("L")).astype(np.float32) / 600

    assert compared(*(saved(Image.fromarray(values), "TIFF") for values in (grey, other))).decision is (
        Decision.NO_MATCH
    )
    assert is_informative(decode(saved(Image.fromarray(grey), "TIFF")).grey)


# --- In a store ---------------------------------------------------------------------------------------------


def test_a_query_finds_the_picture_that_viewers_show_and_no_cluster_holds_two(store_url: str) -> None:
    # Given two pictures of each kind, with what a viewer shows in common or nothing at all
    ink, sheet = (255, 255, 255), blank(320, 200)
    deep = [
        Image.fromarray(np.asarray(page(n, 320, 200).convert("L")).astype(np.uint16) << 4) for n in (5, 6)
    ]
    known = {
        "logo 1": png(drawing(1, ink)),
        "logo 2": saved(drawing(2, ink), "WEBP", lossless=True),
        "film 1": film(blank(160, 120), *SCENES[:2]),
        "film 2": film(blank(160, 120), *SCENES[2:4]),
        "fax 1": film(SCENES[4], SCENES[0], format="TIFF"),
        "fax 2": film(SCENES[4], SCENES[1], format="TIFF"),
        "letters": png(lettered((0, 102, 0), (200, 0, 0))),
        "deep 1": png(deep[0]),
        "deep 2": png(deep[1]),
        "blank": png(sheet),
        "blank as well": saved(sheet, "BMP"),
    }
    asked = {
        "logo 1": jpeg(laid(drawing(1, ink), "#203040")),
        "logo 2": png(laid(drawing(2, ink), "#800000")),
        "film 1": film(blank(160, 120), *SCENES[:2], format="WEBP", quality=80),
        "film 2": film(blank(160, 120), *SCENES[2:4], format="PNG"),
        "letters": jpeg(lettered((0, 102, 0), (200, 0, 0)), 70),
        "deep 1": png(page(5, 320, 200)),
        "deep 2": jpeg(page(6, 320, 200), 80),
        "blank": saved(sheet, "GIF"),
    }
    with Engine.open(store_url) as engine:
        ids = {name: engine.add(data).image_id for name, data in known.items()}
        # Then no two of them are in one cluster
        assert [cluster for cluster in engine.cluster_ids([*ids.values()]) if cluster] == []
        # And each is the only match of a copy of it
        for name, data in asked.items():
            matches = [hit.image_id for hit in engine.query(data).hits if hit.decision is Decision.MATCH]
            assert matches == ([] if name == "blank" else [ids[name]]), name


# --- Nothing else changed -----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["PNG", "BMP", "JPEG", "WEBP"])
def test_an_ordinary_picture_has_the_pixels_that_pillow_gives(format: str) -> None:
    for picture in (page(1, 320, 200), photo(2, 200, 150), blank(100, 60)):
        data = saved(picture, format)
        with Image.open(io.BytesIO(data)) as opened:
            rgb = np.asarray(opened.convert("RGB"))
        decoded = decode(data)
        assert np.array_equal(decoded.pixels, rgb)
        assert extract_features(decoded).frame_hashes is None
