"""How two pictures are related: each relation by itself, in both directions, and what must never be taken for
a match.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from support.pictures import jpeg, page, photo, png, words

from douglas_quaid import Decision, Engine, Relation
from douglas_quaid.answers import Hit
from douglas_quaid.demo.pictures import sample
from douglas_quaid.evaluation import edits
from douglas_quaid.records import Reason

Edit = Callable[[Image.Image], Image.Image]

INSIDE, HOLDS, SHARED = (
    "the query lies inside the reference",
    "the query holds the reference",
    "both share a part",
)


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    with Engine.open(store_url) as engine:
        yield engine


@cache
def article(
    seed: int, width: int = 1000, height: int = 900, *, picture: bool = True, paragraph: int | None = None
) -> Image.Image:
    """An article of one site: header, menu and footer are those of the site. `paragraph`: that one has other
    words than usual.
    """
    site, own = random.Random("site"), random.Random(f"article {seed}")
    sheet, unit = Image.new("RGB", (width, height), "white"), width / 100
    draw = ImageDraw.Draw(sheet)

    def write(x: float, y: float, text: str, size: float, ink: str = "#222") -> None:
        draw.text((x * unit, y * unit), text, fill=ink, font=ImageFont.load_default(size * unit))

    draw.rectangle((0, 0, width, 7 * unit), fill="#1d4f91")
    write(3, 2, "The " + words(site, 2).title(), 2.6, "white")
    for place in range(5):
        write(45 + 10 * place, 2.8, words(site, 1), 1.4, "white")
    draw.rectangle((0, 7 * unit, 20 * unit, height), fill="#eef2f6")
    for line in range(int((height / unit - 14) / 3.2)):
        write(2, 10 + 3.2 * line, words(site, 2)[:20], 1.3, "#1d4f91")
    write(24, 9, words(own, 4).capitalize()[:34], 3)
    write(24, 14, words(own, 3) + ", staff writer", 1.1, "#777")
    top, number = 18.0, 0
    while top * unit < height - 10 * unit:
        if number == 1 and picture:
            sheet.paste(
                photo(own.randrange(1 << 30), int(40 * unit), int(18 * unit)),
                (int(24 * unit), int(top * unit)),
            )
            top += 20
        lines = [words(own, 14)[:78] for _ in range(5)]
        if number == paragraph:
            lines = [words(random.Random(f"correction {seed} {line}"), 14)[:78] for line in range(5)]
        for line in lines:
            write(24, top, line, 1.35)
            top += 2.1
        top, number = top + 1.5, number + 1
    draw.rectangle((0, height - 6 * unit, width, height), fill="#22303c")
    write(3, height / unit - 4, words(site, 8), 1.2, "#ccd")
    return sheet


EDITS: dict[str, Edit] = {
    "as it is": lambda picture: picture,
    "smaller": lambda picture: picture.resize((picture.width * 6 // 10, picture.height * 6 // 10)),
    "JPEG of low quality": lambda picture: edits.edit("jpeg_30", picture),
    "cropped": lambda picture: picture.crop(
        (picture.width // 10, picture.height // 10, picture.width * 19 // 20, picture.height * 17 // 20)
    ),
    "with a browser's bar": lambda picture: edits.edit("browser_bar", picture),
}


def compared(engine: Engine, query: Image.Image, reference: Image.Image) -> Hit:
    return engine.compare(jpeg(query, 85), png(reference))


# -- identical -----------------------------------------------------------------------------------------------


def test_identical_is_the_same_bytes_or_the_same_pixels(engine: Engine) -> None:
    picture = page(1)
    same_bytes = engine.compare(png(picture), png(picture))
    same_pixels = engine.compare(png(picture, compress_level=1), png(picture))
    for hit, says in ((same_bytes, "same bytes"), (same_pixels, "same pixels, other file")):
        assert (hit.decision, hit.relation, hit.sentence) == (Decision.MATCH, Relation.IDENTICAL, says)
        assert hit.evidence.covered_query == hit.evidence.covered_reference == 1.0
    assert (
        same_bytes.evidence.same_bytes,
        same_pixels.evidence.same_bytes,
        same_pixels.evidence.same_pixels,
    ) == (True, False, True)


def test_one_changed_pixel_is_no_longer_identical(engine: Engine) -> None:
    picture = page(1)
    changed = picture.copy()
    changed.putpixel((5, 5), (1, 2, 3))
    hit = engine.compare(png(changed), png(picture))
    assert (hit.decision, hit.relation, hit.evidence.same_pixels) == (
        Decision.MATCH,
        Relation.NEAR_DUPLICATE,
        False,
    )


# -- near-duplicate ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["resize_50", "jpeg_30", "greyscale", "browser_bar", "mirror", "rotate_90"])
@pytest.mark.parametrize("original", [page(3), photo(3)], ids=["page", "photograph"])
def test_near_duplicates_agree_as_a_whole(engine: Engine, original: Image.Image, name: str) -> None:
    edited = edits.edit(name, original)
    for query, reference in ((edited, original), (original, edited)):
        hit = engine.compare(png(query), png(reference))
        assert (hit.decision, hit.relation) == (Decision.MATCH, Relation.NEAR_DUPLICATE)
        assert min(hit.evidence.covered_query or 0, hit.evidence.covered_reference or 0) >= 0.8
        assert not any(words in hit.sentence for words in (INSIDE, HOLDS, SHARED))


def test_a_page_with_one_other_paragraph_is_a_version_of_it(engine: Engine) -> None:
    # A correction of five lines in a long article: the same page captured again, and the evidence says that
    # not all of it agrees
    hit = compared(engine, article(1, paragraph=2), article(1))
    assert (hit.decision, hit.relation) == (Decision.REVIEW, Relation.NEAR_DUPLICATE)
    assert hit.reasons == (Reason.CONTENT_DIFFERS,)
    assert hit.evidence.content_agreement is not None and 0.8 < hit.evidence.content_agreement < 1.0


# -- partial and its direction -------------------------------------------------------------------------------


def thirds(original: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Two thirds of a picture from the left and from the right; they share the one in the middle."""
    width, height = original.size
    return original.crop((0, 0, width * 2 // 3, height)), original.crop((width // 3, 0, width, height))


@pytest.mark.parametrize("original", [page(3), photo(3, 1000, 700)], ids=["page", "photograph"])
def test_a_part_says_which_holds_which(engine: Engine, original: Image.Image) -> None:
    width, height = original.size
    part = original.crop((width // 5, height // 5, width * 4 // 5, height * 4 // 5))
    left, right = thirds(original)
    for query, reference, says in (
        (part, original, INSIDE),
        (original, part, HOLDS),
        (left, right, SHARED),
        (right, left, SHARED),
    ):
        hit = compared(engine, query, reference)
        assert (hit.decision, hit.relation) == (Decision.MATCH, Relation.PARTIAL), says
        assert hit.sentence.endswith(says)
        query_share, reference_share = hit.evidence.covered_query or 0, hit.evidence.covered_reference or 0
        assert (query_share >= 0.8, reference_share >= 0.8) == (says == INSIDE, says == HOLDS)


@pytest.mark.parametrize(
    ("which", "mine", "theirs"),
    [("part", INSIDE, "the reference lies inside the query"), ("thirds", SHARED, SHARED)],
)
def test_stored_directions_are_each_others_reverse(
    engine: Engine, which: str, mine: str, theirs: str
) -> None:
    # Given two pictures of which one holds the other, or that share a part
    original = page(5)
    reference, query = (
        (original, original.crop((200, 100, 1000, 700))) if which == "part" else thirds(original)
    )
    first, second = engine.add(png(reference)), engine.add(png(query))
    # Then each side keeps the pair as seen from there
    (forward,), (backward,) = engine.hits(second.image_id), engine.hits(first.image_id)
    assert (forward.relation, backward.relation, forward.confidence) == (
        Relation.PARTIAL,
        Relation.PARTIAL,
        backward.confidence,
    )
    assert forward.sentence.endswith(mine) and backward.sentence.endswith(theirs)
    assert (forward.evidence.covered_query, forward.evidence.covered_reference) == (
        backward.evidence.covered_reference,
        backward.evidence.covered_query,
    )
    there, back = (np.array(hit.evidence.matrix).reshape(3, 3) for hit in (forward, backward))
    assert there @ back == pytest.approx(np.eye(3), abs=1e-6)
    # And the two stay in clusters of their own
    assert first.cluster != second.cluster and forward.clusters == (first.cluster,)
    assert engine.cluster_ids([first.image_id, second.image_id]) == [None, None]


def test_a_collage_leaves_clusters_apart_in_whatever_order_it_comes(engine: Engine) -> None:
    one, other = page(11, 800, 600), photo(12, 800, 600)
    both = Image.new("RGB", (1600, 600))
    both.paste(one, (0, 0))
    both.paste(other, (800, 0))
    # Given the collage first, then the pictures with a copy of each, then a copy of the collage
    collage = engine.add(png(both)).image_id
    for original in (one, other):
        engine.add(png(original))
    clusters = [engine.add(jpeg(original, 70)).cluster for original in (one, other)]
    again = engine.add(jpeg(both, 80))
    # Then each picture is one cluster with its copy, and so is the collage with its own
    assert None not in clusters and again.cluster is not None
    assert len({*clusters, again.cluster}) == 3
    assert set(engine.show(again.cluster).members) == {collage, again.image_id}  # type: ignore[union-attr]
    relations = {hit.relation for hit in engine.hits(collage) if hit.image_id != again.image_id}
    assert relations == {Relation.PARTIAL}


# -- same-template -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size", [(1000, 900), (1280, 800), (700, 1600)], ids=lambda size: f"{size[0]} x {size[1]}"
)
@pytest.mark.parametrize("picture", [True, False], ids=["with a picture", "text alone"])
@pytest.mark.parametrize("edit", EDITS)
def test_two_articles_of_one_site_are_never_a_match(
    engine: Engine, size: tuple[int, int], picture: bool, edit: str
) -> None:
    query, reference = (article(seed, *size, picture=picture) for seed in (1, 2))
    assert compared(engine, EDITS[edit](query), reference).decision is not Decision.MATCH


@pytest.mark.parametrize("edit", EDITS)
def test_while_the_same_article_is_one(engine: Engine, edit: str) -> None:
    assert compared(engine, EDITS[edit](article(1)), article(1)).decision is Decision.MATCH


def test_same_template_is_listed_on_request_only_and_never_stored(engine: Engine) -> None:
    # Given an article, and another of the same site
    ferry, crane = sample("indexed/article-ferry.png"), sample("asked/article-crane.png")
    known = engine.add(ferry)
    # Then asking with it finds nothing, unless such pages are asked for, and the answer stays no-match then,
    # too
    assert engine.query(crane).hits == ()
    asked = engine.query(crane, include_same_template=True)
    assert asked.decision is Decision.NO_MATCH
    assert [(hit.image_id, hit.relation, hit.decision) for hit in asked.hits] == [
        (known.image_id, Relation.SAME_TEMPLATE, Decision.NO_MATCH)
    ]
    assert asked.hits[0].sentence.endswith("same layout, other content")
    # And when it is added, nothing is stored and nothing joined
    added = engine.add(crane)
    assert added.cluster != known.cluster
    assert engine.hits(added.image_id) == () == engine.hits(known.image_id)


# -- looks-like ----------------------------------------------------------------------------------------------


def test_looks_like_is_said_of_baselines_only_and_is_at_most_a_review(engine: Engine) -> None:
    bank, imitation = sample("indexed/bank-login.png"), sample("asked/bank-imitation.png")
    # Given the legitimate page, as just a picture and as one that somebody wants to recognise: no more than
    # the same template
    engine.create_collection("seen", "known")
    known = engine.add(bank, collection="seen").image_id
    assert engine.query(imitation).decision is Decision.NO_MATCH
    assert {hit.relation for hit in engine.query(imitation, include_same_template=True).hits} == {
        Relation.SAME_TEMPLATE
    }
    # When it is declared as legitimate
    engine.create_collection("brands", "baseline")
    engine.add(bank, collection="brands", labels={"brand": "Example Bank"})
    # Then a page that imitates it is for a person to see
    (hit,) = engine.query(imitation).hits
    assert (hit.image_id, hit.decision, hit.relation) == (known, Decision.REVIEW, Relation.LOOKS_LIKE)
    assert hit.sentence.endswith("looks like this page, but is not a picture of it")
    # And a picture of the page itself is a match as ever
    assert (
        engine.query(edits.png(edits.edit("jpeg_30", edits.opened(bank)))).hits[0].relation
        is Relation.NEAR_DUPLICATE
    )
    # And when the imitation is stored, it is a review on both sides that joins nothing
    stored = engine.add(imitation)
    assert engine.cluster_ids([stored.image_id, known]) == [None, None]
    for side, other in ((stored.image_id, known), (known, stored.image_id)):
        assert [(found.image_id, found.relation, found.decision) for found in engine.hits(side)] == [
            (other, Relation.LOOKS_LIKE, Decision.REVIEW)
        ]
