"""The two pictures of a pair blink in place: measured on screenshots of a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from support.browser import Page, chromium
from support.server import Server
from support.service import Service

from douglas_quaid import Engine
from douglas_quaid.config import Config
from douglas_quaid.demo.pictures import sample
from douglas_quaid.evaluation.edits import edit, encoded, opened, png
from douglas_quaid.records import Decision, Verdict
from douglas_quaid.store import Store

#: Side of the squares whose shifts are measured, in pixels of the screen.
SQUARE = 96
#: Maximum shift of a square, in pixels of the screen.
MOST = 2.0


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def known(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Server, Service, Engine, str]]:
    """A page in a store, and a service."""
    server = Server(tmp_path_factory.mktemp("valkey")).start()
    service = Service(tmp_path_factory.mktemp("service"), server.url, "--rate", "0").start()
    with Engine.open(server.url) as engine:
        page = engine.add(sample("indexed/bank-login.png"), link=False).image_id
        yield server, service, engine, page
    service.stop()
    server.kill()


def let_wait(server: Server, engine: Engine, query: str, reference: str) -> Verdict:
    """Let the pair wait with what is measured of it."""
    hit = engine.compare(query, reference)
    verdict = Verdict(Decision.REVIEW, hit.relation, 0.5, hit.evidence, "test", hit.sentence, hit.reasons)
    with Store.open(Config(store=server.url)) as store:
        store.verdicts.record(query, [(reference, verdict)])
    return verdict


def grey(shot: bytes) -> NDArray[np.float32]:
    return np.asarray(cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_GRAYSCALE), np.float32)


def shifts(a: NDArray[np.float32], b: NDArray[np.float32]) -> list[float]:
    """How far each textured square of one screenshot moves in the other, in pixels, where both show the same
    thing.
    """
    window = cv2.createHanningWindow((SQUARE, SQUARE), cv2.CV_32F)
    found = []
    for y in range(0, a.shape[0] - SQUARE, SQUARE // 2):
        for x in range(0, a.shape[1] - SQUARE, SQUARE // 2):
            one, other = (shot[y : y + SQUARE, x : x + SQUARE] for shot in (a, b))
            if min(one.std(), other.std()) < 12:
                continue
            (dx, dy), _ = cv2.phaseCorrelate(one, other, window)
            moved = np.float32([[1, 0, -dx], [0, 1, -dy]])
            back = cv2.warpAffine(other, moved, (SQUARE, SQUARE), borderMode=cv2.BORDER_REFLECT)
            inner = slice(16, -16)
            if np.corrcoef(one[inner, inner].ravel(), back[inner, inner].ravel())[0, 1] > 0.8:
                found.append(float(np.hypot(dx, dy)))
    return found


@pytest.mark.parametrize("name", ["crop_75", "browser_bar", "mirror", "rotate_5_white"])
def test_an_aligned_pair_blinks_without_moving(
    browser: Any, known: tuple[Server, Service, Engine, str], name: str
) -> None:
    # Given a page, and an edited copy of it that waits
    server, service, engine, page_id = known
    copy = engine.add(png(edit(name, opened(sample("indexed/bank-login.png")), seed=3)), link=False).image_id
    let_wait(server, engine, copy, page_id)
    # when the pair is shown, once as A and once as B
    page = Page(browser, service.url, reduced_motion="reduce").go(f"/review/pair/{copy}-{page_id}")
    page.wait_for_pair()
    assert page.tab.get_attribute('[data-view="blink"]', "aria-pressed") == "true"
    page.press("o")
    pane = page.tab.locator("#pane-a")
    a = grey(pane.screenshot())
    page.press("Space")
    assert page.text("#chip") == "B"
    b = grey(pane.screenshot())
    # then the screen changes, but what both show stands still.
    assert np.abs(a - b).max() > 20
    moved = shifts(a, b)
    assert len(moved) >= 8 and max(moved) < MOST, sorted(moved)[-5:]
    page.close()


def test_a_file_of_another_format_is_shown_by_its_thumbnail(
    browser: Any, known: tuple[Server, Service, Engine, str]
) -> None:
    # Given a copy in another format, when the pair is shown in each view, then nothing breaks
    server, service, engine, page_id = known
    smaller = edit("resize_50", opened(sample("indexed/bank-login.png")))
    copy = engine.add(encoded(smaller, "JPEG"), link=False).image_id
    let_wait(server, engine, copy, page_id)
    page = Page(browser, service.url).go(f"/review/pair/{copy}-{page_id}")
    page.wait_for_pair()
    for view in ("slide", "difference", "side", "blink"):
        page.press("v")
        assert page.tab.get_attribute(f'[data-view="{view}"]', "aria-pressed") == "true"
        page.press("+", "ArrowLeft", "-", "f")
    # and side by side both panes show the same part.
    page.tab.click('[data-view="side"]')
    page.press("o")
    panes = [grey(page.tab.locator(pane).screenshot()) for pane in ("#pane-a", "#pane-b")]
    assert panes[0].shape == panes[1].shape
    assert max(shifts(*panes)) < MOST
    assert page.faults == []
    page.close()
