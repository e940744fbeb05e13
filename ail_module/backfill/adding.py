"""One file of AIL's folders into the store: on a thread of the back-fill, or in a worker process."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

from douglas_quaid import Config, ConfigError, Correlator, Engine, FormatError, ImageError

from ..objects import AilObject, FileNotThere, read_picture


@dataclass(frozen=True, slots=True)
class Order:
    """A file that is to be stored."""

    #: Its occurrence, ail:TYPE:ID.
    occurrence: str
    #: Path of the file.
    path: str
    #: Labels of the occurrence.
    labels: Mapping[str, str]
    #: Whether only hashes are kept.
    hash_only: bool

    def to_text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say of all files."""

    #: Maximum size of a file in bytes.
    max_bytes: int
    #: Whether GIFs are left out.
    skip_gif: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a file: `added`, `known`, `skipped`, or `broken` with the reason."""

    #: One of these words.
    status: str
    #: What is wrong with the file.
    reason: str = ""


def add_file(engine: Correlator, order: Order, rules: Rules) -> Stored:
    """Store a file without linking it. Raises StoreError and ConfigError."""
    found = AilObject.of(order.occurrence)
    if found is None:
        raise ConfigError(f"{order.occurrence} is not an image or screenshot of AIL")
    try:
        data = read_picture(found, order.path, rules.max_bytes)
        if rules.skip_gif and data[:4] == b"GIF8":
            return Stored("skipped")
        result = engine.add(
            data,
            occurrence=found.occurrence,
            labels=order.labels,
            seen=datetime.fromtimestamp(os.stat(order.path).st_mtime, timezone.utc),
            link=False,
            hash_only=order.hash_only,
            name=order.path,
        )
    except (ImageError, FormatError, FileNotThere) as error:
        return Stored("broken", str(error))
    except OSError as error:
        return Stored("broken", f"{order.path}: cannot be read: {error.strerror}")
    return Stored("added" if result.status == "added" else "known")


@contextmanager
def open_work(config: Config, settings: str) -> Iterator[Callable[[str], str]]:
    """Open the store in a worker process, and yield what stores a file (douglas_quaid.parallel.pool)."""
    rules = Rules(**json.loads(settings))
    with Engine.open(config=config, mend=False) as engine:
        yield lambda text: json.dumps(asdict(add_file(engine, Order(**json.loads(text)), rules)))
