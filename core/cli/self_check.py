"""Is this installation able to do its work? Checks for people who install or operate it, each with what to do
when it fails.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

from ..config import Config, shown
from ..errors import DouglasQuaidError

LIBRARIES = ("numpy", "pillow", "opencv-python", "imagehash", "py-tlsh", "redis")


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    detail: str


def run_checks(url: str | None) -> Iterator[Check]:
    """All checks, one after the other; none changes the store."""
    yield _check("libraries", _libraries)
    yield _check("formats", _formats)
    yield _check("features", _features)
    yield _check("settings", lambda: _settings(url))
    yield _check("store", lambda: _store(url))
    yield _check("who sees the store", lambda: _visibility(url))


def _check(name: str, work: Callable[[], str]) -> Check:
    try:
        return Check(name, True, work())
    except (DouglasQuaidError, ImportError, OSError, LookupError, AssertionError) as error:
        return Check(name, False, f"{type(error).__name__}: {error}")


def _libraries() -> str:
    return ", ".join(f"{library} {version(library)}" for library in LIBRARIES)


def _formats() -> str:
    from PIL import features

    missing = [name for name in ("webp", "avif", "jpg_2000") if not features.check(name)]
    return "PNG, JPEG, WebP, GIF, BMP, TIFF" + (
        f"; this Pillow lacks {', '.join(missing)}" if missing else ", AVIF"
    )


def _features() -> str:
    """A drawn picture through decoding and extractor: catches libraries that import and do not work."""
    from PIL import Image, ImageDraw

    from ..decoding.image import decode_image
    from ..features import codec, extract_features

    picture = Image.new("RGB", (320, 240), "white")
    pen = ImageDraw.Draw(picture)
    for step in range(0, 240, 16):
        pen.rectangle((step, step, step + 40, step + 9), fill=(step, 90, 200))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    config = Config()
    features = extract_features(
        decode_image(stream.getvalue(), max_bytes=config.max_bytes, max_pixels=config.max_pixels)
    )
    again = codec.decode(codec.encode(features))
    if again.hashes != features.hashes or len(again.local) != len(features.local):
        raise AssertionError(
            "a record does not read back as it was written; reinstall douglas-quaid and its libraries"
        )
    return f"{len(features.local)} keypoints, PDQ quality {features.hashes.pdq_quality}, record of {len(codec.encode(features)):,} bytes"


def _settings(url: str | None) -> str:
    return f"store {shown(Config.from_environment(store=url).store)}"


def _store(url: str | None) -> str:
    from ..engine import Engine

    with Engine.open(url) as engine:
        stats = engine.stats()
    return f"{stats.store.server}, {stats.store.images:,} images, {stats.store.persistence}"


def _visibility(url: str | None) -> str:
    if Config.from_environment(store=url).store.startswith("embedded:"):
        return "an embedded store belongs to the user who started it; the users that run MISP or AIL do not see it: give them a redis:// or unix:// store"
    return "every user who can reach the server and knows its password"
