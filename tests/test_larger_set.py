"""The plan of the larger set (tests/benchmarks/larger_set*.py): roles, caps, groups, order. No package is
downloaded and no page is rendered here.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from benchmarks.larger_set import read_done
from benchmarks.larger_set_pictures import is_nearly_blank, leads_elsewhere, opened_picture, pixel_digest
from benchmarks.larger_set_plan import (
    INDEXED,
    UNANSWERED,
    Capture,
    Site,
    Source,
    plan,
    plan_site,
    read_sites,
)
from PIL import Image, ImageDraw

SITES = read_sites((Path(__file__).parent / "benchmarks" / "larger_set_sites.jsonl").read_text())


def site(name: str, **changes: object) -> Site:
    return Site(
        **{
            "site": name,
            "set": "docs",
            "role": INDEXED,
            "packages": (f"deb:{name}",),
            "licence": "MIT",
            **changes,
        }
    )  # type: ignore[arg-type]


def pages(name: str, count: int) -> list[Source]:
    return [Source(f"deb:{name}", f"usr/share/doc/{name}/page{number}.html") for number in range(count)]


def two_sites() -> list[Capture]:
    sites = [site("red", most=100), site("blue", role=UNANSWERED, most=40)]
    return plan(sites, {"red": pages("red", 500), "blue": pages("blue", 60)}, seed=1)


def test_the_list_of_sites_is_as_large_as_promised() -> None:
    indexed = [entry for entry in SITES if entry.role == INDEXED and entry.set != "pictures"]
    unanswered = [entry for entry in SITES if entry.role == UNANSWERED and entry.set != "pictures"]
    assert len(indexed) >= 40
    assert len(unanswered) >= 10
    assert all(entry.most <= 400 for entry in indexed + unanswered)
    assert all(package.split(":")[0] in ("deb", "npm") for entry in SITES for package in entry.packages)
    assert all(
        "@" in package[5:] for entry in SITES for package in entry.packages if package.startswith("npm:")
    ), "npm packages name their version"


def test_a_package_in_two_sites_is_refused_because_it_could_be_indexed_and_unanswered_at_once() -> None:
    line = '{"site": "%s", "set": "docs", "role": "%s", "packages": ["deb:x"], "licence": "MIT"}'
    with pytest.raises(ValueError, match="package named twice: deb:x"):
        read_sites("\n".join((line % ("a", INDEXED), line % ("b", UNANSWERED))))


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    sites, files = [site("red")], {"red": pages("red", 500)}
    assert plan(sites, files, seed=1) == plan(sites, {"red": list(reversed(files["red"]))}, seed=1)
    assert [capture.file for capture in plan(sites, files, seed=1)] != [
        capture.file for capture in plan(sites, files, seed=2)
    ]


def test_no_site_is_larger_than_its_cap_and_no_file_is_named_twice() -> None:
    captures = two_sites()
    assert Counter(capture.site for capture in captures) == {"red": 100, "blue": 40}
    assert len({capture.file for capture in captures}) == len(captures)


def test_a_site_that_is_never_indexed_has_no_indexed_page_and_an_indexed_one_has_some_siblings() -> None:
    captures = two_sites()
    assert {(capture.role, capture.sibling) for capture in captures if capture.site == "blue"} == {
        (UNANSWERED, False)
    }
    assert Counter((capture.role, capture.sibling) for capture in captures if capture.site == "red") == {
        (INDEXED, False): 90,
        (UNANSWERED, True): 10,
    }


def test_every_part_of_the_plan_is_a_mixture_of_the_sites() -> None:
    captures = two_sites()
    for first in range(0, 140, 14):
        assert 3 <= sum(capture.site == "blue" for capture in captures[first : first + 14]) <= 5


def test_releases_and_translations_of_a_page_are_one_group_in_one_role() -> None:
    files = [
        Source("deb:help", f"help/{language}/page{number}.html")
        for language in ("de", "en", "fr", "it", "ru")
        for number in range(60)
    ]
    captures = plan_site(site("help", paths=r"help/[^/]+/(.+)\.html$", most=200), files, seed=1)
    groups: dict[str, list[Capture]] = {}
    for capture in captures:
        groups.setdefault(capture.group, []).append(capture)
    assert {len(versions) for versions in groups.values()} == {4}, "of five translations four are taken"
    assert all(len({version.role for version in versions}) == 1 for versions in groups.values())
    assert all(
        len({Path(version.source.path).name for version in versions}) == 1 for versions in groups.values()
    )


def test_only_files_that_the_paths_of_the_site_take_are_captured() -> None:
    files = [Source("npm:x@1", "dist/index.html"), Source("npm:x@1", "src/index.html")]
    captures = plan_site(site("x", set="themes", paths="^dist/"), files, seed=1)
    assert [capture.source.path for capture in captures] == ["dist/index.html"]


def test_some_pages_are_captured_as_a_whole_and_pictures_never() -> None:
    tall = [capture.tallest for capture in plan_site(site("red", most=400), pages("red", 400), seed=1)]
    assert 30 <= sum(height > 0 for height in tall) <= 75
    assert {0, 2, 10} <= set(tall) <= {0, *range(2, 11)}


def test_a_line_of_groups_jsonl_has_the_agreed_keys() -> None:
    captures = two_sites()
    lines = [json.loads(capture.line()) for capture in captures]
    assert {frozenset(line) - {"sibling"} for line in lines} == {
        frozenset({"file", "set", "group", "page", "site", "role"})
    }
    assert [line.get("sibling", False) for line in lines] == [capture.sibling for capture in captures]
    assert all(line["file"].endswith(".png") and not line["file"].startswith("/") for line in lines)


def test_a_build_that_was_stopped_continues(tmp_path: Path) -> None:
    # Given a journal with a kept picture, a kept one whose file is gone, a blank one, one that failed, and a
    # last line that was cut short
    (tmp_path / "a.png").write_bytes(b"")
    done = [
        ("a.png", "kept", "1"),
        ("b.png", "kept", "2"),
        ("c.png", "nearly blank", ""),
        ("e.png", "failed", ""),
    ]
    lines = [
        json.dumps({"file": file, "outcome": outcome, "digest": digest}) for file, outcome, digest in done
    ]
    (tmp_path / "done.jsonl").write_text("\n".join([*lines, '{"file": "d.p']))
    # Then what is there, and what need not be tried again, is done
    assert read_done(tmp_path) == {"a.png": ("kept", "1"), "c.png": ("nearly blank", "")}


def test_a_page_with_a_title_alone_is_nearly_blank_and_one_with_a_paragraph_is_not() -> None:
    page = Image.new("RGB", (1280, 800), "white")
    assert is_nearly_blank(page)
    draw = ImageDraw.Draw(page)
    draw.text((20, 20), "Index", fill="black")
    assert is_nearly_blank(page)
    for line in range(12):
        draw.text((20, 60 + 20 * line), "The quick brown fox jumps over the lazy dog. " * 3, fill="black")
    assert not is_nearly_blank(page)


def test_a_page_that_only_redirects_is_told_without_a_browser(tmp_path: Path) -> None:
    (tmp_path / "moved.html").write_text(
        '<html><head><meta HTTP-EQUIV="Refresh" content="0; url=other.html"></head></html>'
    )
    (tmp_path / "page.html").write_text(
        "<html><head><title>Refresh</title></head><body>What refresh means</body></html>"
    )
    assert leads_elsewhere(tmp_path / "moved.html")
    assert not leads_elsewhere(tmp_path / "page.html")


def test_pictures_are_laid_on_white_made_smaller_and_icons_left_out(tmp_path: Path) -> None:
    Image.new("RGBA", (4000, 2000), (255, 0, 0, 0)).save(tmp_path / "large.png")
    Image.new("RGB", (64, 64)).save(tmp_path / "icon.png")
    large = opened_picture(tmp_path / "large.png")
    assert large is not None and large.size == (1920, 960) and large.getpixel((5, 5)) == (255, 255, 255)
    assert opened_picture(tmp_path / "icon.png") is None
    assert pixel_digest(large) != pixel_digest(large.resize((960, 480)))
