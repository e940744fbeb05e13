"""One headless Chromium that captures many pages, for larger_set.py.

Takes a page (file:// address), a window and the maximum height, returns the PNG. Starting Chromium takes half
a second, a page in a running Chromium a fifth of one; so it is driven over the DevTools protocol
(https://chromedevtools.github.io/devtools-protocol/), through `--remote-debugging-pipe`: file descriptors 3
and 4, JSON messages that end in a zero byte. That needs no package and opens no port. (Measured:
chromium-headless-shell, which draws no windows, takes 0.13 s of CPU per page, chromium 0.20 s.) Scripts of a
page run; an unusable proxy and a resolver that resolves nothing cut off the network.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Maximum seconds for a page; after that the browser is restarted. chosen: with 15 s, a busy machine lost
#: good pages.
PAGE_SECONDS = 60.0
#: Seconds after which a page that is still loading (a script waits for the network) is captured as it is.
#: chosen.
LOAD_SECONDS = 10.0
#: Pages after which a new tab is opened, so that leftovers of pages do not accumulate. chosen.
PAGES_PER_TAB = 100

FLAGS = (
    "--headless",
    "--disable-gpu",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-first-run",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--disable-gpu-compositing",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-lcd-text",
    "--force-color-profile=srgb",
    "--force-prefers-reduced-motion",
    "--allow-file-access-from-files",
    "--proxy-server=127.0.0.1:9",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)

ON_3_AND_4 = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); "
    "os.execvp(sys.argv[3], sys.argv[3:])"
)

SETTLED = "new Promise(done => setTimeout(() => document.fonts.ready.then(() => done(location.href)), %d))"


class PageFailed(Exception):
    """Raised when a page cannot be captured: it hung, crashed, or leads elsewhere."""


@dataclass(frozen=True, slots=True)
class Window:
    """The size of a browser's window."""

    #: Width in CSS pixels.
    width: int
    #: Height in CSS pixels.
    height: int
    #: Pixels of the capture per CSS pixel, on each side.
    scale: int = 1


class Browser:
    """Chromium and one tab of it. Used by one thread; `close` ends it."""

    def __init__(self, *, command: str, fonts: Path | None = None) -> None:
        """`fonts`: a configuration of fontconfig (fonts.conf) to use instead of the machine's."""
        self._command = command
        self._environment = os.environ | ({"FONTCONFIG_FILE": str(fonts)} if fonts else {})
        self._process: subprocess.Popen[bytes] | None = None

    def capture(self, address: str, window: Window, *, tallest: int = 0, settle: int = 0) -> bytes:
        """Return the PNG of a page as `window` shows it, or, if `tallest`, of all of it up to that multiple
        of its width; `settle` ms after it has loaded.

        Raises PageFailed, after which the browser can still be used.
        """
        try:
            return self._capture(address, window, tallest, settle)
        except (OSError, KeyError) as error:  # a TimeoutError is an OSError
            self.close()
            raise PageFailed(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        os.killpg(process.pid, signal.SIGKILL)  # `chromium` may be a script that started the real one
        process.wait()
        os.close(self._to)
        os.close(self._from)
        shutil.rmtree(self._profile, ignore_errors=True)

    def _capture(self, address: str, window: Window, tallest: int, settle: int) -> bytes:
        self._deadline = time.monotonic() + PAGE_SECONDS
        if self._process is None:
            self._start()
        if self._pages % PAGES_PER_TAB == 0:
            self._new_tab()
        self._pages += 1
        size = {
            "width": window.width,
            "height": window.height,
            "deviceScaleFactor": window.scale,
            "mobile": False,
        }
        self._ask("Emulation.setDeviceMetricsOverride", **size)
        self._loaded = False
        if failure := self._ask("Page.navigate", url=address).get("errorText"):
            raise PageFailed(failure)
        until = min(self._deadline, time.monotonic() + LOAD_SECONDS)
        while not self._loaded and time.monotonic() < until:
            self._next(until)
        if not self._loaded:
            self._ask("Page.stopLoading")
        settled = str(
            self._ask("Runtime.evaluate", expression=SETTLED % settle, awaitPromise=True, returnByValue=True)[
                "result"
            ].get("value", "")
        )
        if settled.split("#")[0].split("?")[0] != address:
            raise PageFailed(f"leads to {settled}")
        options: dict[str, Any] = {"format": "png", "optimizeForSpeed": True}
        if tallest:
            content = self._ask("Page.getLayoutMetrics")["cssContentSize"]
            height = max(min(int(content["height"]), tallest * window.width), window.height)
            options |= {
                "clip": {"x": 0, "y": 0, "width": window.width, "height": height, "scale": 1},
                "captureBeyondViewport": True,
            }
        return base64.b64decode(self._ask("Page.captureScreenshot", **options)["data"])

    def _start(self) -> None:
        self._profile = tempfile.mkdtemp(prefix="larger-set-")
        here_read, there_write = os.pipe()
        there_read, here_write = os.pipe()
        flags = [*FLAGS, "--remote-debugging-pipe", f"--user-data-dir={self._profile}"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium refuses its sandbox to root
        command = [
            sys.executable,
            "-c",
            ON_3_AND_4,
            str(there_read),
            str(there_write),
            self._command,
            *flags,
            "about:blank",
        ]
        quiet = subprocess.DEVNULL
        options: dict[str, Any] = {
            "stdin": quiet,
            "stdout": quiet,
            "stderr": quiet,
            "env": self._environment,
            "start_new_session": True,
        }
        self._process = subprocess.Popen(command, pass_fds=(there_read, there_write), **options)
        os.close(there_read)
        os.close(there_write)
        self._to, self._from = here_write, here_read
        self._buffer = bytearray()
        self._answers: dict[int, dict[str, Any]] = {}
        self._last = self._pages = 0
        self._session = self._target = ""

    def _new_tab(self) -> None:
        old, self._session = self._target, ""
        self._target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        if old:
            self._ask("Target.closeTarget", targetId=old)
        self._session = self._ask("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        self._ask("Page.enable")

    def _ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = self._say(method, parameters)
        while number not in self._answers:
            self._next(self._deadline)
        answer = self._answers.pop(number)
        if "error" in answer:  # such as "Inspected target navigated or closed": the page leads elsewhere
            raise PageFailed(f"{method}: {answer['error'].get('message')}")
        result: dict[str, Any] = answer["result"]
        return result

    def _say(self, method: str, parameters: dict[str, Any]) -> int:
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters} | (
            {"sessionId": self._session} if self._session else {}
        )
        os.write(self._to, json.dumps(message).encode() + b"\0")
        return self._last

    def _next(self, until: float) -> None:
        """Read Chromium's next message, if it arrives before `until`. Raises TimeoutError past the deadline
        of the page.
        """
        while (end := self._buffer.find(b"\0")) < 0:
            ready, _, _ = select.select([self._from], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                if until >= self._deadline:
                    raise TimeoutError(f"no answer within {PAGE_SECONDS:.0f} s")
                return
            read = os.read(self._from, 1 << 20)
            if not read:
                raise OSError("Chromium ended")
            self._buffer += read
        message = json.loads(self._buffer[:end])
        del self._buffer[: end + 1]
        if "id" in message:
            self._answers[message["id"]] = message
        elif message.get("sessionId") != self._session:
            return
        elif message["method"] == "Page.loadEventFired":
            self._loaded = True
        elif message["method"] == "Page.javascriptDialogOpening":
            self._say("Page.handleJavaScriptDialog", {"accept": True})
