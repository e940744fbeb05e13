"""Checks for people who install or operate Douglas-Quaid: does this installation work, and what
to do if not.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

from ..config import Config, shown
from ..errors import CorruptRecord, DouglasQuaidError
from .group import open_engine

#: Packages whose versions are shown.
LIBRARIES = ("numpy", "pillow", "opencv-python", "imagehash", "py-tlsh", "redis")


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check."""

    #: What was checked.
    name: str
    #: Whether it works.
    ok: bool
    #: What was found, or what is wrong and what to do about it.
    detail: str


def run_checks(url: str | None) -> Iterator[Check]:
    """Return the results of all checks, one after the other; none changes the store at `url`."""
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
    lacking = f"; this Pillow lacks {', '.join(missing)}" if missing else ", AVIF"
    return f"PNG, JPEG, WebP, GIF, BMP, TIFF{lacking}"


def _features() -> str:
    """Decode and extract a drawn picture, which finds libraries that can be imported and do not work."""
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
    record = codec.encode(features)
    again = codec.decode(record)
    if again.hashes != features.hashes or len(again.local) != len(features.local):
        raise CorruptRecord(
            "a record is not read as it was written; reinstall douglas-quaid and its libraries"
        )
    return (
        f"{len(features.local)} keypoints, PDQ quality {features.hashes.pdq_quality},"
        f" record of {len(record):,} bytes"
    )


def _settings(url: str | None) -> str:
    return f"store {shown(Config.from_environment(store=url).store)}"


def _store(url: str | None) -> str:
    with open_engine(url) as engine:
        stats = engine.stats()
    return f"{stats.store.server}, {stats.store.images:,} images, {stats.store.persistence}"


def _visibility(url: str | None) -> str:
    if Config.from_environment(store=url).store.startswith("embedded:"):
        return (
            "only the user who started the embedded store; if MISP or AIL run as other users,"
            " use a redis:// or unix:// store"
        )
    return "every user who can reach the server and knows its password"
