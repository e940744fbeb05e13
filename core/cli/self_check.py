"""`quaid self-check`: does this installation work, and what to do if not."""

from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec

import click

from ..config import Config
from ..errors import CorruptRecord, DouglasQuaidError
from ..store_url import shown
from .group import command, open_engine
from .terminal import print_result

#: Packages whose versions are shown.
LIBRARIES = ("numpy", "pillow", "opencv-python", "imagehash", "py-tlsh", "redis")


@command("self-check")
@click.option(
    "--repair",
    is_flag=True,
    help="Mend the store: build what can be built from intact values, and remove what cannot be read.",
)
def self_check(repair: bool, store: str | None, as_json: bool) -> int:
    """Check the installation and the store.

    Every value in the store is read. Each problem is shown with its remedy.
    """
    checks = (
        ("libraries", _libraries),
        ("formats", _formats),
        ("features", _features),
        ("settings", lambda: _settings(store)),
        ("contents", lambda: _contents(store, repair=repair, as_json=as_json)),
        ("versions", lambda: _versions(store)),
        ("store", lambda: _store(store)),
        ("clusters", lambda: _clusters(store)),
        ("common regions", lambda: _common_regions(store)),
        ("who sees the store", lambda: _visibility(store)),
    )
    failed = 0
    for name, check in checks:
        try:
            ok, detail = True, check()
        except (DouglasQuaidError, ImportError, OSError, LookupError, AssertionError) as error:
            ok, detail = False, f"{type(error).__name__}: {error}"
        failed += not ok
        print_result(
            {"check": name, "ok": ok, "detail": detail},
            f"{'ok  ' if ok else 'FAIL'} {name}: {detail}",
            as_json=as_json,
        )
    return 1 if failed else 0


def _libraries() -> str:
    return ", ".join(f"{library} {version(library)}" for library in LIBRARIES)


def _formats() -> str:
    from PIL import features

    missing = [name for name in ("webp", "avif", "jpg_2000") if not features.check(name)]
    lacking = f"; this Pillow lacks {', '.join(missing)}" if missing else ", AVIF"
    heif = ", HEIF" if find_spec("pillow_heif") else "; for HEIC and HEIF: pip install 'douglas-quaid[heif]'"
    return f"PNG, JPEG, WebP, GIF, BMP, TIFF{lacking}{heif}"


def _features() -> str:
    """Decode and extract a drawn picture, which finds libraries that can be imported and do not work."""
    from PIL import Image, ImageDraw

    from ..decoding.image import decode_image
    from ..evaluation.edits import encoded
    from ..features import codec, extract_features

    picture = Image.new("RGB", (320, 240), "white")
    pen = ImageDraw.Draw(picture)
    for step in range(0, 240, 16):
        pen.rectangle((step, step, step + 40, step + 9), fill=(step, 90, 200))
    config = Config()
    features = extract_features(
        decode_image(encoded(picture), max_bytes=config.max_bytes, max_pixels=config.max_pixels)
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


def _contents(url: str | None, *, repair: bool, as_json: bool) -> str:
    """Check every value, and print a line for each that is wrong or was mended. Raises CorruptRecord if
    anything is left.
    """
    from ..integrity.check import find_problems, mend_store
    from ..integrity.columns import with_our_columns
    from ..integrity.finding import Finding
    from ..store import Store
    from ..store.connection import Connection

    mended = 0

    def tell(finding: Finding) -> None:
        nonlocal mended
        mended += 1
        show(finding, "mended")

    def show(finding: Finding, status: str) -> None:
        about = {"key": finding.key, "problem": finding.problem, "remedy": finding.remedy}
        line = {"check": "contents", "ok": status == "mended", "status": status} | about
        print_result(line, f"{status} {finding}: {finding.remedy}", as_json=as_json)

    config = Config.from_environment(store=url)
    with suppress(DouglasQuaidError):  # upgrades an older store; what prevents that is told below
        with_our_columns(Store.open(config)).close()
    with Store(Connection(config)) as store:
        left = mend_store(store, tell) if repair else find_problems(store)
        images = store.images.count()
    for finding in left:
        show(finding, "broken")
    if left:
        by_hand = sum(finding.mend is None for finding in left)
        remedy = "see the lines above" if by_hand == len(left) else "run quaid self-check --repair"
        raise CorruptRecord(f"{len(left)} values are broken; {remedy}")
    return f"{images:,} images are whole" + (f", {mended} values were mended" if repair else "")


def _versions(url: str | None) -> str:
    """How many images an earlier version extracted in another way; they are no fault of the store."""
    from ..renewal import RenewalStatus

    def read_nothing(*_: object) -> bytes:
        raise AssertionError("a dry run reads no picture")

    with open_engine(url) as engine:
        images = engine.count()
        found = engine.reextract(read_nothing, dry_run=True)
        outdated = sum(one.status is RenewalStatus.OUTDATED for one in found)
    if not outdated:
        return f"none of {images:,} images is outdated"
    return f"{outdated:,} of {images:,} images are outdated; quaid reextract renews what can be read again"


def _clusters(url: str | None) -> str:
    with open_engine(url) as engine:
        stats = engine.stats()
    if not stats.store.chains:
        return f"{stats.store.clusters:,}"
    text = f"{stats.store.clusters:,}; matches of whole pictures that joined none: {stats.store.chains:,}"
    return f"{text}, because the pictures between them differ; see quaid chains"


def _common_regions(url: str | None) -> str:
    with open_engine(url) as engine:
        found = [hub for hub in engine.hubs() if hub.since is not None]
    if not found:
        return "no part of a picture is too common to be evidence"
    from ..answers import timestamp

    latest = max(found, key=lambda hub: (hub.since, hub.id))
    images = ", ".join(image_id[:12] for image_id in latest.shown_by[:3])
    parts = f"{len(found):,} parts" if len(found) > 1 else "1 part"
    return (
        f"{parts} too common to be evidence, the latest since {timestamp(latest.since)}, in at least"
        f" {latest.pictures:,} pictures, such as {images}: see quaid hubs. Whoever pastes a picture into many"
        " others makes it common"
    )


def _visibility(url: str | None) -> str:
    if Config.from_environment(store=url).store.startswith("embedded:"):
        return (
            "only the user who started the embedded store; if MISP or AIL run as other users,"
            " use a redis:// or unix:// store"
        )
    return "every user who can reach the server and knows its password"
