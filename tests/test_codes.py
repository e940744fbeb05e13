"""QR codes and bar codes: what they say is kept as a keyed digest alone, and another one is no copy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import zxingcpp
from PIL import Image
from support.pictures import page, png

from douglas_quaid import Engine
from douglas_quaid.config import Config
from douglas_quaid.errors import NotAllowed
from douglas_quaid.evaluation import edits
from douglas_quaid.extraction.extractor import Extractor
from douglas_quaid.extraction.keyed import KeyedExtractor
from douglas_quaid.features.codes import NO_KEY, keyed, read_codes
from douglas_quaid.records import Decision, Reason, Relation
from douglas_quaid.verification.codes import compare_codes

ONE, OTHER = "https://pay.example/?to=4f3a9c21&token=8801", "https://pay.example/?to=4f3a9c21&token=8802"
SAME_PLACE = np.eye(3)


def code(text: str, side: int = 360, kind: str = "QRCode") -> Image.Image:
    made = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind))
    drawn = Image.fromarray(np.array(made.to_image(scale=12, add_quiet_zones=True)))
    return drawn.convert("RGB").resize((side, side * drawn.height // drawn.width), Image.Resampling.NEAREST)


def with_code(text: str, *, on: Image.Image, at: tuple[int, int] = (60, 60), side: int = 360) -> bytes:
    shown = on.copy()
    shown.paste(code(text, side), at)
    return png(shown)


def poster(text: str) -> bytes:
    """A picture that is mostly its code."""
    return with_code(text, on=page(3, 480, 520), at=(50, 60), side=380)


def screen(text: str) -> bytes:
    """A page with a small code on it."""
    return with_code(text, on=page(4, 1280, 800), at=(1000, 500), side=220)


# --- Reading ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["QRCode", "DataMatrix", "Aztec", "PDF417", "Code128"])
def test_codes_of_the_usual_kinds_are_read_where_they_lie(kind: str) -> None:
    shown = Image.new("RGB", (800, 600), "white")
    drawn = code("AB-1234567", 300, kind)
    shown.paste(drawn, (400, 200))

    found = read_codes(np.asarray(shown.convert("L")))

    assert found is not None and found.key_name == NO_KEY and len(found.found) == 1
    left, top, right, bottom = found.found[0].box
    assert 0.49 <= left < right <= 0.89 and 0.32 <= top < bottom <= (200 + drawn.height) / 600 + 0.01


def test_what_a_code_says_decides_and_not_how_it_is_drawn() -> None:
    digests = {
        found.found[0].digest
        for side in (180, 360)
        if (found := read_codes(np.asarray(code(ONE, side).convert("L")))) is not None
    }
    other = read_codes(np.asarray(code(OTHER).convert("L")))

    assert len(digests) == 1 and other is not None and other.found[0].digest not in digests


def test_a_picture_without_a_code_that_can_be_read_has_none() -> None:
    blurred = edits.edit("blur", edits.edit("blur", code(ONE, 60)))

    assert read_codes(np.asarray(page(1, 640, 400).convert("L"))) is None
    assert read_codes(np.asarray(blurred.resize((30, 30)).convert("L"))) is None


def test_a_large_picture_is_reduced_before_it_is_read() -> None:
    large = Image.new("L", (6000, 4000), 255)
    large.paste(code(ONE, 1200).convert("L"), (100, 100))

    found = read_codes(np.asarray(large))

    assert found is not None and found.found[0].box[2] < 0.25


# --- Keys ---------------------------------------------------------------------------------------------------


def test_nothing_stored_says_what_a_code_says(shared_server) -> None:
    with Engine.open(shared_server.url) as engine:
        image_id = engine.add(poster(ONE)).image_id
        (features,) = engine.features([image_id])

    raw = Extractor(Config()).extract(poster(ONE), name="poster").features.codes
    stored = b"".join(shared_server.redis.dump(name) for name in shared_server.redis.keys("*"))
    assert features is not None and features.codes is not None and raw is not None
    assert features.codes.key_name != NO_KEY
    assert raw.found[0].digest not in stored and b"pay.example" not in stored
    assert features.codes.found[0].digest in stored


def test_digests_of_two_stores_are_never_compared() -> None:
    features = Extractor(Config()).extract(poster(ONE), name="poster").features
    here, there = keyed(features, b"one key"), keyed(features, b"another key")

    assert compare_codes(here, here, SAME_PLACE) is not None
    assert compare_codes(here, there, SAME_PLACE) is None
    with pytest.raises(ValueError, match="have a key already"):
        keyed(here, b"another key")


def test_a_user_who_may_not_name_the_store_reads_no_codes() -> None:
    def refused() -> str:
        raise NotAllowed("this user may not write")

    extractor = KeyedExtractor(Extractor(Config()), refused)

    found = extractor.extract(poster(ONE), name="poster").features
    assert found.codes is None and found.versions.codes == 0


def test_of_a_picture_of_which_only_hashes_are_kept_no_code_is(store_url: str) -> None:
    with Engine.open(store_url) as engine:
        (features,) = engine.features([engine.add(poster(ONE), hash_only=True).image_id])

    assert features is not None and features.codes is None


# --- Deciding -----------------------------------------------------------------------------------------------


def test_the_same_picture_with_another_code_is_no_copy(store_url: str) -> None:
    with Engine.open(store_url) as engine:
        known = engine.add(poster(ONE)).image_id
        asked = engine.query(poster(OTHER), min_decision="no-match", include_same_template=True)
        compared = engine.compare(poster(OTHER), known)
        joined = engine.add(poster(OTHER)).cluster

        assert asked.decision is Decision.NO_MATCH and joined != engine.show(known).info.clusters[0]
    for hit in (asked.hits[0], compared):
        assert (hit.decision, hit.relation) == (Decision.NO_MATCH, Relation.SAME_TEMPLATE)
        assert hit.evidence.codes_differing == 1 and (hit.evidence.code_share or 0) > 0.25
        assert Reason.OTHER_CODE in hit.reasons and "a code says something else" in hit.sentence


@pytest.mark.parametrize("edit", ["resize_50", "jpeg_30", "crop_90"])
def test_a_copy_with_the_same_code_is_a_match(store_url: str, edit: str) -> None:
    copy = edits.png(edits.edit(edit, edits.opened(poster(ONE))))
    with Engine.open(store_url) as engine:
        engine.add(poster(ONE))
        asked = engine.query(copy)

    assert asked.decision is Decision.MATCH
    assert asked.hits[0].evidence.codes_differing == 0 and asked.hits[0].evidence.codes_same == 1


def test_another_small_code_on_a_page_is_a_difference(store_url: str) -> None:
    with Engine.open(store_url) as engine:
        known = engine.add(screen(ONE)).image_id
        hit = engine.compare(screen(OTHER), known)

    assert hit.evidence.codes_differing == 1 and (hit.evidence.code_share or 1) < 0.25
    assert Reason.OTHER_CODE not in hit.reasons
    left, top, right, bottom = hit.to_json()["differences"][0]["box"]
    assert abs(left - 1000 / 1280) < 0.04 and abs(top - 500 / 800) < 0.06
    assert right < 0.97 and bottom < 0.92


def test_a_code_that_cannot_be_read_is_not_another_one() -> None:
    extractor = Extractor(Config())
    readable = extractor.extract(poster(ONE), name="a").features

    assert compare_codes(readable, replace(readable, codes=None), SAME_PLACE) is None


def test_codes_in_other_places_are_not_compared() -> None:
    extractor = Extractor(Config())
    here = extractor.extract(with_code(ONE, on=page(4, 1280, 800), at=(60, 60), side=220), name="a").features
    there = extractor.extract(
        with_code(OTHER, on=page(4, 1280, 800), at=(900, 500), side=220), name="b"
    ).features

    found = compare_codes(here, there, SAME_PLACE)
    assert found is not None and (found.same, found.differing, found.share) == (0, (), 0.0)
