"""A real Chromium, driven through its protocol: Debian's chromium-headless-shell, or the browser that
$QUAID_TEST_BROWSER names.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from support.waiting import slowness

#: What is installed where it is missing.
PACKAGE = "chromium-headless-shell"


def executable() -> str:
    """Path of the browser. Fails the test where there is none, because nothing else shows these pages."""
    found = os.environ.get("QUAID_TEST_BROWSER") or shutil.which(PACKAGE) or shutil.which("chromium")
    if found is None:
        pytest.fail(f"no Chromium: install Debian's package {PACKAGE}, or name one in QUAID_TEST_BROWSER")
    return found


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser until the block ends."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()


class Page:
    """A tab with a browser's memory of its own, which notes what a page must not do."""

    def __init__(self, browser: Any, url: str, **options: Any) -> None:
        options = {"viewport": {"width": 1280, "height": 800}} | options
        self.context, self.url = browser.new_context(**options), url.rstrip("/")
        self.context.set_default_timeout(30_000 * slowness())
        self.tab = self.context.new_page()
        #: Violations of the policy of the page, errors of its scripts, requests that left the service.
        self.faults: list[str] = []
        self.tab.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.tab.on("console", self._heard)
        self.tab.on("request", self._asked)

    def _heard(self, message: Any) -> None:
        text = message.text
        if "Content Security Policy" in text or "violates" in text:
            self.faults.append(text)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self.url, "blob:", "data:")):
            self.faults.append(f"left the service: {request.url}")

    def go(self, path: str = "/review") -> Page:
        self.tab.goto(self.url + path)
        return self

    def press(self, *keys: str) -> None:
        for key in keys:
            self.tab.keyboard.press(key)

    @property
    def pair(self) -> frozenset[str] | None:
        """Ids of the pair on the screen."""
        found = self.tab.get_attribute("#review", "data-pair")
        return frozenset(found.split()) if found else None

    def wait_for_pair(self, *, other_than: frozenset[str] | None = None) -> frozenset[str]:
        """Wait for a pair on the screen, or for another one."""
        before = " ".join(sorted(other_than or ()))
        self.tab.wait_for_function(
            "before => { const pair = document.getElementById('review')?.dataset.pair;"
            " return pair && pair !== before; }",
            arg=before,
        )
        assert self.pair is not None
        return self.pair

    def wait_until_sent(self) -> None:
        """Wait until every answer was taken by the service."""
        self.tab.wait_for_function(
            "() => JSON.parse(sessionStorage.getItem('quaid-review') ?? '{}').outbox?.length === 0"
        )

    def wait_for_text(self, selector: str, text: str) -> None:
        """Wait until an element holds a text."""
        self.tab.wait_for_function(
            "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)",
            arg=[selector, text],
        )

    def text(self, selector: str = "main") -> str:
        return str(self.tab.inner_text(selector))

    def close(self) -> None:
        self.context.close()
