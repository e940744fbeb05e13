"""The review page in a real Chromium: how soon after a key the next pair is there, how many frames a second
the graph has while it is moved, and the pictures of the documentation.

    python -m benchmarks.review_page OUT [--pairs 50] [--dots 5000] [--copies 12]

Takes a folder for what it writes. Prints milliseconds and frames; on a machine that does other work, only
their ratio to another run beside it means anything.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image
from support.browser import Page, chromium
from support.server import Server
from support.service import Service
from support.waiting_pairs import add_drawn, let_pairs_wait, let_wait

from douglas_quaid import Engine
from douglas_quaid.config import Config
from douglas_quaid.demo.pictures import sample
from douglas_quaid.evaluation.edits import edit, opened, png
from douglas_quaid.records import Decision, Verdict
from douglas_quaid.store import Store

#: Edited copies that wait, for the pictures: the sample, the edit, where the copy was seen.
COPIES = (
    ("bank-login", "browser_bar", "misp:attribute:5f0c7a1e-8d6b-4c3a-9a52-0e6f4f2d11aa"),
    ("webmail-login", "crop_75", "ail:screenshot:0f6a"),
    ("article-ferry", "cookie_banner", "ail:screenshot:77c1"),
    ("market", "mirror", "misp:attribute:9b1d52c4-77aa-4a0e-8f0c-3d2b6a90c7e3"),
    ("handbook", "written_on", "ail:image:b2e0"),
    ("bank-login", "rotate_5_white", "ail:screenshot:51d8"),
    ("webmail-login", "watermark", "misp:attribute:2c44f7b0-1b1e-4fd0-8d25-7d3c5d2a9b10"),
    ("article-ferry", "modal", "ail:screenshot:c09e"),
    ("market", "crop_75", "ail:image:e4f1"),
    ("handbook", "browser_bar", "ail:screenshot:3a77"),
    ("bank-login", "redacted", "ail:screenshot:a810"),
    ("webmail-login", "border_10", "ail:screenshot:b6c2"),
)
#: Notes the moment at which the next pair was painted after a key.
WATCH = """() => {
  window.painted = [];
  const root = document.getElementById('review');
  new MutationObserver(() => {
    const pressed = Number(root.dataset.pressed);
    if (root.dataset.pair && pressed) requestAnimationFrame(() => requestAnimationFrame(
      () => window.painted.push(performance.now() - pressed)));
  }).observe(root, { attributes: true, attributeFilter: ['data-pair'] });
}"""
#: Moves the graph for a second and counts its frames.
PAN = """async () => {
  const canvas = document.getElementById('graph'), before = Number(canvas.dataset.frames);
  const began = performance.now();
  canvas.focus();
  while (performance.now() - began < 2000) {
    canvas.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true }));
    await new Promise((done) => requestAnimationFrame(done));
    canvas.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }));
    await new Promise((done) => requestAnimationFrame(done));
  }
  return (Number(canvas.dataset.frames) - before) * 1000 / (performance.now() - began);
}"""


def next_pairs(page: Page, count: int) -> list[float]:
    """Milliseconds from each key to the next pair on the screen."""
    page.go()
    pair = page.wait_for_pair()
    page.tab.wait_for_timeout(1500)
    page.tab.evaluate(WATCH)
    for n in range(count - 1):
        page.press("1" if n % 2 else "4")
        pair = page.wait_for_pair(other_than=pair)
        page.tab.wait_for_timeout(400)  # a fast person
    found: list[float] = page.tab.evaluate("() => window.painted")
    return found


def graph(page: Page, out: Path) -> tuple[float, float]:
    """Seconds until the graph can be used, and frames a second while it is moved."""
    page.tab.goto(f"{page.url}/review/graph")
    page.tab.wait_for_selector("#graph[data-ready]")
    ready = page.tab.evaluate("() => performance.now()") / 1000
    frames = page.tab.evaluate(PAN)
    page.tab.click("#fit")
    picture(page, out / "graph.webp")
    return ready, frames


def picture(page: Page, path: Path) -> None:
    """Write a small picture of the tab."""
    page.tab.wait_for_timeout(300)
    with Image.open(io.BytesIO(page.tab.screenshot())) as shot:
        shot.convert("RGB").resize(
            (shot.width * 3 // 4, shot.height * 3 // 4), Image.Resampling.LANCZOS
        ).save(path, "WEBP", quality=60, method=6)


def let_copies_wait(engine: Engine, store: Store, count: int) -> list[tuple[str, str]]:
    """Add samples and edited copies of them, and let each pair wait with what is measured of it."""
    engine.create_collection("brands", "baseline")
    pairs = []
    for n, (name, change, place) in enumerate(COPIES[:count]):
        data = sample(f"indexed/{name}.png")
        known = engine.add(
            data, occurrence=f"file:path:/cases/{name}.png", labels={"case": "2026-11"}, link=False
        ).image_id
        copy = engine.add(
            png(edit(change, opened(data), seed=n)),
            occurrence=place,
            labels={"event": str(1200 + n)},
            link=False,
        ).image_id
        hit = engine.compare(copy, known)
        verdict = Verdict(
            Decision.REVIEW, hit.relation, 0.45 + n / 50, hit.evidence, "sample", hit.sentence, hit.reasons
        )
        store.clusters.give([known, copy])
        store.verdicts.record(copy, [(known, verdict)])
        pairs.append((copy, known))
    return pairs


def pictures(page: Page, out: Path, pairs: list[tuple[str, str]]) -> None:
    """Write the pictures of the documentation, and the film of ten answers."""
    page.go(f"/review/pair/{pairs[0][0]}-{pairs[0][1]}")
    page.wait_for_pair()
    page.press("p")
    picture(page, out / "review-blink.webp")
    page.tab.click('[data-view="difference"]')
    picture(page, out / "review-difference.webp")
    page.tab.click('[data-view="side"]')
    picture(page, out / "review-side.webp")
    page.press("?")
    picture(page, out / "review-keys.webp")
    page.go(f"/review/image/{pairs[0][1]}")
    picture(page, out / "image.webp")
    page.go("/review/ask")
    page.tab.set_input_files(
        "#file", {"name": "seen.png", "mimeType": "image/png", "buffer": sample("asked/bank-imitation.png")}
    )
    page.wait_for_text("#status", "searched")
    picture(page, out / "ask.webp")
    page.go("/review/collections")
    picture(page, out / "collections.webp")
    if len(pairs) == len(COPIES):
        film(page, out / "ten-answers.webp")
    page.go("/review/statistics")
    picture(page, out / "statistics.webp")


def film(page: Page, path: Path) -> None:
    """Write ten answers as an animated WebP."""
    page.go()
    pair = page.wait_for_pair()
    frames, waits = [], []
    for n in range(11):
        for key in ("Space", "Space", None):
            with Image.open(io.BytesIO(page.tab.screenshot())) as shot:
                frames.append(shot.convert("RGB").resize((768, 480), Image.Resampling.LANCZOS))
            waits.append(450)
            if key:
                page.press(key)
        if n < 10:
            page.press("12142103421"[n] if n != 6 else "u")
            pair = page.wait_for_pair(other_than=pair)
            page.tab.wait_for_timeout(150)
    frames[0].save(
        path, "WEBP", save_all=True, append_images=frames[1:], duration=waits, loop=0, quality=35, method=4
    )


def measure(out: Path, browser: Any, *, pairs: int, dots: int, copies: int) -> None:
    """Print what is measured, and write the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder)).start()
        service = Service(Path(folder), server.url, "--rate", "0").start()
        with Engine.open(server.url) as engine, Store.open(Config(store=server.url)) as store:
            page = Page(browser, service.url, reduced_motion="reduce")
            if copies:
                pictures(page, out, let_copies_wait(engine, store, copies))
            let_pairs_wait(engine, store, pairs, salt="pairs")
            times = next_pairs(page, pairs)
            print(f"key to next pair: median {median(times):.0f} ms, {max(times):.0f} at most")
            ids = add_drawn(engine, store, max(0, dots - engine.count()), salt="dots")
            for n in range(0, len(ids) - 3, 3):
                let_wait(store, ids[n], ids[n + 1])
            ready, frames = graph(page, out)
            print(
                f"graph of {engine.count()} images: ready after {ready:.1f} s, {frames:.0f} frames a second"
            )
            print(f"faults: {page.faults}")
        service.stop()
        server.kill()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--dots", type=int, default=5000)
    parser.add_argument("--copies", type=int, default=0, help="copies to draw; 12: a film, too")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        measure(given.out, browser, pairs=given.pairs, dots=given.dots, copies=given.copies)


if __name__ == "__main__":
    main()
