"""Common regions: what most pictures show stops producing matches, and nothing else is lost by it."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont
from support.command_line import runner
from support.images import put_all
from support.pictures import blank, jpeg, logo, page, photo, png, words
from support.server import Server

from douglas_quaid import Config, ConfigError, Decision, Engine, Relation
from douglas_quaid.answers import Hit
from douglas_quaid.cli.main import main
from douglas_quaid.index.new_image import new_image
from douglas_quaid.records import CommonRegion, Evidence, Reason, Verdict
from douglas_quaid.search.context.common_regions import necessary_pictures
from douglas_quaid.search.options import DEFAULTS
from douglas_quaid.store import Store

OPTIONS = DEFAULTS.context.common_regions
WIDTH, HEIGHT = 800, 520
BAR, BANNER = 64, 100
PAGES = 100
JOINS = Verdict(Decision.MATCH, Relation.NEAR_DUPLICATE, 0.99, Evidence(pdq_bits=4), "test", "joined by hand")


def browser_bar() -> Image.Image:
    """What a browser draws above every page."""
    rng, bar = random.Random("browser"), Image.new("RGB", (WIDTH, BAR), "#dfe3ea")
    draw = ImageDraw.Draw(bar)
    for place in range(3):
        draw.rounded_rectangle(
            (20 + 210 * place, 6, 220 + 210 * place, 34), 8, fill="#ffffff" if place == 0 else "#c9d0db"
        )
        draw.text((34 + 210 * place, 12), words(rng, 3)[:24], fill="#333", font=ImageFont.load_default(12))
    draw.rounded_rectangle((120, 38, WIDTH - 90, 60), 10, fill="white", outline="#aab")
    draw.text(
        (140, 42),
        "https://" + words(rng, 4).replace(" ", ".") + "/index",
        fill="#222",
        font=ImageFont.load_default(12),
    )
    for place in range(4):
        draw.ellipse((16 + 26 * place, 40, 34 + 26 * place, 58), outline="#556", width=3)
    return bar


def cookie_banner() -> Image.Image:
    rng, sheet = random.Random("banner"), Image.new("RGB", (WIDTH, BANNER), "#20242c")
    draw = ImageDraw.Draw(sheet)
    draw.text((20, 10), "We " + words(rng, 4), fill="white", font=ImageFont.load_default(18))
    for line in range(3):
        draw.text((20, 38 + 18 * line), words(rng, 16)[:70], fill="#ccd3dd", font=ImageFont.load_default(12))
    for place, colour in enumerate(("#33aa77", "#556677")):
        box = (WIDTH - 160 - 140 * place, 34, WIDTH - 40 - 140 * place, 66)
        draw.rounded_rectangle(box, 6, fill=colour)
        draw.text(
            (box[0] + 60, 50), words(rng, 1), fill="white", font=ImageFont.load_default(14), anchor="mm"
        )
    return sheet


def emblem() -> Image.Image:
    """A logo with a name beside it."""
    sheet = Image.new("RGB", (200, 64), "white")
    sheet.paste(logo(3, 64), (0, 0))
    draw = ImageDraw.Draw(sheet)
    draw.text((72, 10), "Northwind", fill="#123", font=ImageFont.load_default(24))
    draw.text((72, 40), "banking & more", fill="#456", font=ImageFont.load_default(13))
    return sheet


def shown(content: Image.Image, seed: int) -> Image.Image:
    """A page as it is captured: with the browser's bar, the logo of the house somewhere on it, and a cookie
    banner below.
    """
    sheet = content.copy()
    rng = random.Random(f"place {seed}")
    sheet.paste(emblem(), (rng.randrange(20, WIDTH - 220), rng.randrange(BAR + 20, HEIGHT - BANNER - 100)))
    sheet.paste(browser_bar(), (0, 0))
    sheet.paste(cookie_banner(), (0, HEIGHT - BANNER))
    return sheet


def capture(seed: int) -> Image.Image:
    return shown(page(seed, WIDTH, HEIGHT), seed)


def answered(engine: Engine, picture: Image.Image, **options: Any) -> list[Hit]:
    return list(engine.query(jpeg(picture, 92), limit=50, **options).hits)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A store of many different pages that all show the same bar, banner and logo."""
    server = Server(tmp_path_factory.mktemp("valkey")).start()
    with Engine.open(server.url) as engine:
        for seed in range(PAGES):
            engine.add(png(capture(seed)), occurrence=f"test:page:{seed}", link=False)
        yield engine
    server.kill()


@pytest.mark.parametrize(
    ("part", "verified"),
    [(browser_bar(), True), (cookie_banner(), True), (emblem(), False)],
    ids=["browser's bar", "cookie banner", "logo"],
)
def test_a_part_that_everything_shows_matches_nothing(
    crowd: Engine, part: Image.Image, verified: bool
) -> None:
    # When the query is the part alone, which all of these pages show
    answer = crowd.query(png(part), limit=50, min_decision="no-match")
    # Then pages are listed, and none of them is a match; it is all of the query, so a person may look
    assert answer.hits and answer.decision is not Decision.MATCH
    # And wherever geometry verified the part (the logo has too few keypoints for that), the answer says that
    # the part is too common to be evidence, or they are not listed for it
    common = [hit for hit in answer.hits if Reason.COMMON_REGION in hit.reasons]
    assert verified or not common
    assert all(hit in common for hit in answer.hits if hit.decision is Decision.REVIEW)
    assert all(hit.confidence < 0.1 and f"of {PAGES} pictures" in hit.sentence for hit in common)
    assert all(hit.evidence.common_region_images == PAGES for hit in common)
    assert {(hit.decision, hit.relation) for hit in common} <= {
        (Decision.NO_MATCH, None),
        (Decision.REVIEW, Relation.PARTIAL),
    }


@pytest.mark.parametrize("seed", range(9_000, 9_008))
def test_a_new_page_with_these_parts_is_no_match_by_them(crowd: Engine, seed: int) -> None:
    assert all(hit.decision is not Decision.MATCH for hit in answered(crowd, capture(seed)))


def test_an_empty_page_with_these_parts_is_no_match_by_them(crowd: Engine) -> None:
    hits = answered(crowd, shown(blank(WIDTH, HEIGHT), 9_999))
    assert all(Reason.COMMON_REGION in hit.reasons and hit.decision is Decision.REVIEW for hit in hits)


@pytest.mark.parametrize("seed", [3, 57, 88])
def test_a_page_is_still_found_by_its_own_content(crowd: Engine, seed: int) -> None:
    whole = capture(seed)
    for edited in (
        whole.resize((560, 364)),
        whole.crop((0, BAR + 10, WIDTH, HEIGHT)),
        whole.crop((40, 0, WIDTH - 60, HEIGHT - BANNER)),
    ):
        hits = answered(crowd, edited)
        assert [hit.occurrences for hit in hits] == [(f"test:page:{seed}",)]
        assert hits[0].decision is Decision.MATCH


def test_a_part_with_own_content_beside_a_hub_is_found(crowd: Engine) -> None:
    # The lower half of a page, banner and all
    lower = capture(57).crop((0, HEIGHT // 3, WIDTH, HEIGHT))
    hits = answered(crowd, lower)
    assert [(hit.occurrences, hit.relation) for hit in hits] == [(("test:page:57",), Relation.PARTIAL)]


def test_what_is_asked_of_one_collection_counts_within_it(crowd: Engine) -> None:
    # Given a collection of two of these pages, in which the banner is nothing that everything shows
    crowd.create_collection("two", "known")
    for seed in (5, 6):
        crowd.add(png(capture(seed)), collection="two", link=False)
    hits = answered(crowd, cookie_banner(), collection="two")
    assert {hit.occurrences for hit in hits} == {("test:page:5",), ("test:page:6",)}


def test_linking_notes_the_hub_once_and_joins_nothing(
    crowd: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    # When the banner itself is added, and linked
    added = crowd.add(png(cookie_banner()), occurrence="test:part:banner")
    again = crowd.add(jpeg(cookie_banner(), 70), occurrence="test:part:again")
    # Then its copy is its only match, and the hub is listed, once
    matches = (hit for hit in crowd.hits(added.image_id) if hit.decision is Decision.MATCH)
    assert {hit.image_id for hit in matches} == {again.image_id}
    found = [hub for hub in crowd.hubs() if hub.kind == "common-region"]
    assert (
        len(found) == 1
        and found[0].pictures >= OPTIONS.minimum_pictures
        and found[0].share >= 0.05
        and not found[0].ignored
    )
    # And its region is where the banner lies on the page that is shown for it
    left, top, right, bottom = found[0].region or (0, 0, 0, 0)
    assert top >= 1 - BANNER / HEIGHT - 0.02 and bottom <= 1 and left < 0.1 and right > 0.6
    # And forgetting that page forgets the note
    crowd.forget(found[0].id)
    assert [hub for hub in crowd.hubs() if hub.kind == "common-region"] == []


def test_a_campaign_of_clones_makes_no_hub_of_its_page(store_url: str) -> None:
    # Given 300 captures of one page with a large picture, each a little different, among other pages, and not
    # joined yet
    original = page(1, WIDTH, HEIGHT)
    original.paste(photo(4, 600, 400), (100, 80))
    with Engine.open(store_url) as engine, Store.open(Config(store=store_url)) as store:
        clones = []
        for number in range(6):
            clone = original.copy()
            ImageDraw.Draw(clone).text((500, 490), f"{number:06d}", fill="red")
            clones.append(engine.add(png(clone), link=False).image_id)
        clones += [stored_again(store, engine, clone, number) for clone in clones for number in range(49)]
        for seed in range(50, 70):
            engine.add(png(page(seed, WIDTH, HEIGHT)), link=False)
        # Then a crop of the page matches, because these pictures have more in common than the part
        crop = original.crop((60, 40, 680, 460))
        hits = answered(engine, crop)
        assert (
            hits
            and {hit.decision for hit in hits} == {Decision.MATCH}
            and {hit.image_id for hit in hits} <= {*clones}
        )
        # And when they are one cluster, it is one hit
        store.verdicts.record(clones[0], [(clone, JOINS) for clone in clones[1:]])
        hits = answered(engine, crop)
        assert [hit.decision for hit in hits] == [Decision.MATCH] and hits[0].image_id in clones
        # And the operator is told of a cluster that is nearly all there is
        hub = engine.hubs()[0]
        assert (hub.kind, hub.pictures, hub.ignored) == ("cluster", 300, False) and hub.share > 0.9


def test_a_placeholder_is_ignored_with_all_its_copies(store_url: str, tmp_path: Path) -> None:
    # Given a placeholder that was captured often, and one other page
    def placeholder(number: int) -> Image.Image:
        sheet = blank(640, 400)
        draw = ImageDraw.Draw(sheet)
        draw.text((60, 80), "This account", fill="#333", font=ImageFont.load_default(60))
        draw.text((60, 160), "has been suspended", fill="#933", font=ImageFont.load_default(40))
        sheet.paste(photo(5, 160, 120), (60, 230))
        draw.text((300, 300), f"reference {number}", fill="#999", font=ImageFont.load_default(14))
        return sheet

    with Engine.open(store_url) as engine:
        ids = [
            engine.add(png(placeholder(number)), occurrence=f"test:host:{number}").image_id
            for number in range(OPTIONS.minimum_pictures + 2)
        ]
        other = engine.add(png(page(8, 640, 400)))
        new = jpeg(placeholder(999), 80)
        assert engine.query(new).decision is Decision.MATCH
    # When the operator lists hubs and has the cluster ignored
    listed = [json.loads(line) for line in quaid(store_url, "hubs", "--json")]
    assert [(hub["kind"], hub["pictures"], hub["ignored"]) for hub in listed] == [
        ("cluster", len(ids), False)
    ]
    assert listed[0]["occurrences"][0].startswith("test:host:")
    done = [
        json.loads(line)
        for line in quaid(store_url, "hubs", "--ignore", listed[0]["id"], "--collection", "noise", "--json")
    ]
    assert done[0]["collection"] == "noise" and set(done[0]["images"]) == set(ids)
    # Then the list says so, and neither a stored copy, nor a new one, nor one stored later matches anything
    assert any("(ignored)" in line for line in quaid(store_url, "hubs"))
    with Engine.open(store_url) as engine:
        later = engine.add(png(placeholder(1_000)))
        assert engine.cluster_ids([later.image_id]) == [None] and engine.hits(later.image_id) == ()
        assert engine.query(new).decision is Decision.NO_MATCH
        silenced = engine.query(new, min_decision="no-match").hits
        assert [hit.image_id for hit in silenced if Reason.IGNORED in hit.reasons] == [later.image_id]
        assert silenced[0].relation is None and silenced[0].evidence.ignored_image in ids
        # And everything else is found as before
        assert engine.query(jpeg(page(8, 640, 400), 70)).hits[0].image_id == other.image_id


def test_a_cut_out_part_can_be_ignored(store_url: str) -> None:
    # Given two pages that share a picture, and a person who is not interested in that picture
    shared = photo(11, 300, 220)
    with Engine.open(store_url) as engine:
        for seed in (1, 2):
            sheet = page(seed, WIDTH, HEIGHT)
            sheet.paste(shared, (100 * seed, 150))
            engine.add(png(sheet), link=False)
        part = shared.crop((20, 20, 280, 200))
        assert len(answered(engine, part)) == 2
        ignored = engine.add(png(shared), link=False)
        assert engine.ignore(ignored.image_id[:12]) == (ignored.image_id,)
        assert answered(engine, part) == []


def test_ignoring_needs_a_collection_of_that_purpose(store_url: str) -> None:
    with Engine.open(store_url) as engine:
        added = engine.add(png(page(1, 320, 200)))
        engine.create_collection("brands", "baseline")
        with pytest.raises(ConfigError, match="exists with purpose baseline"):
            engine.ignore(added.image_id, collection="brands")
        assert engine.hubs() == ()
    assert quaid(store_url, "hubs") == ["no region and no cluster is found in a large share of the pictures"]


def test_notes_of_hubs_are_not_repeated_and_go_with_their_image(
    server: Server, make_image: Any, everything: Callable[[Any], bytes]
) -> None:
    images = [make_image(n) for n in range(4)]
    first, second, third, stranger = (image.image_id for image in images)
    region = (0.0, 0.8, 1.0, 1.0)
    with Store.open(Config(store=server.url)) as store:
        put_all(store, images[:3])
        # The same part by another picture that shows it is the same note; another part is another
        store.common_regions.note([CommonRegion(first, region, 30, 200, frozenset({second}))])
        store.common_regions.note([CommonRegion(second, (0.0, 0.0, 1.0, 0.5), 40, 300, frozenset({first}))])
        store.common_regions.note([CommonRegion(third, region, 25, 300)])
        # A picture that was forgotten meanwhile leaves no note
        store.common_regions.note([CommonRegion(stranger, region, 25, 300)])
        notes = {
            note.region.image_id: (note.region.region, note.region.pictures, note.region.images)
            for note in store.common_regions.all()
        }
        assert notes == {first: (region, 40, 300), third: (region, 25, 300)}
        # Notes name a few of the images that were verified to show the part
        store.common_regions.note([CommonRegion(third, region, 25, 300, shown_by=(first, stranger, second))])
        assert store.common_regions.of(second) == store.common_regions.of(third)
        assert [note.region.shown_by for note in store.common_regions.all() if note.region.shown_by] == [
            (first, second)
        ]
        # A forgotten image leaves its own note and all others
        store.forgetting.forget(first)
        (left,) = store.common_regions.all()
        assert (left.region.image_id, left.region.shown_by) == (third, (second,))
        assert first.encode() not in everything(server.redis)
        assert server.redis.hget("dq:{meta}:head", "count:hubs") == b"1"


def test_how_many_pictures_make_a_hub() -> None:
    assert [necessary_pictures(images) for images in (0, 500, 1_000, 5_000, 10_000, 1_000_000)] == [
        OPTIONS.minimum_pictures,
        OPTIONS.minimum_pictures,
        20,
        100,
        200,
        OPTIONS.sufficient_pictures,
    ]


def stored_again(store: Store, engine: Engine, image_id: str, number: int) -> str:
    """The same features under another id: another capture, without the time to draw and to measure it."""
    (features,) = engine.features([image_id])
    assert features is not None
    other = hashlib.sha256(f"{image_id} {number}".encode())
    store.images.put(new_image(replace(features, image_id=other.hexdigest(), pixel_digest=other.digest())))
    return other.hexdigest()


def quaid(store_url: str, *arguments: str) -> list[str]:
    """Lines that a command prints."""
    done = runner().invoke(main, [*arguments, "--store", store_url], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return list(done.stdout.splitlines())
