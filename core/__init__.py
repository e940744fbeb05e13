"""Image correlation for threat intelligence: have we seen this picture, or a piece of it, before, and how
sure are we?

    from douglas_quaid import Engine

    with Engine.open("embedded:") as engine:
        engine.add(data, occurrence="misp:attribute:<uuid>")
        result = engine.query(other)

Start reading at engine.py. The folders follow the path of a picture:

    decoding/       bytes to pixels, within limits
    features/       pixels to hashes, keypoints and a thumbnail
    extraction/     both steps, in this process or a child process
    store/          what is kept, in Redis or Valkey
    index/          a copy of the searchable part in this process
    search/         candidates; context/: what else agrees with the query
    verification/   two pictures: geometry, overlap, content
    decision/       from evidence to a verdict, its sentence and its reasons
    evaluation/     how good the answers are; demo/, cli/: what people use
    service/        the same over HTTP; client/: the other end of it

Importing this package is light: OpenCV, numpy and redis are loaded when a name that needs them is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answers import AddResult, History, Hit, QueryResult
    from .config import Config
    from .correlator import Correlator
    from .deadline import seconds_left, time_limit
    from .description import Description
    from .engine import Engine
    from .errors import (
        ConfigError,
        CorruptImage,
        CorruptRecord,
        DouglasQuaidError,
        EmptyImage,
        FormatError,
        ImageError,
        ImageTooLarge,
        KeyRefused,
        NotAllowed,
        NotFound,
        ServiceBusy,
        StoreError,
        StoreFull,
        StoreTimeout,
        StoreUnavailable,
        UnknownVersion,
        UnsupportedImage,
    )
    from .opening import open_correlator
    from .records import (
        Cluster,
        Collection,
        Decision,
        Evidence,
        ImageId,
        Membership,
        Occurrence,
        Purpose,
        Relation,
        Seen,
        Sighting,
        Verdict,
        Withdrawn,
    )

__all__ = [
    "AddResult",
    "Cluster",
    "Collection",
    "Config",
    "ConfigError",
    "Correlator",
    "CorruptImage",
    "CorruptRecord",
    "Decision",
    "Description",
    "DouglasQuaidError",
    "EmptyImage",
    "Engine",
    "Evidence",
    "FormatError",
    "History",
    "Hit",
    "ImageError",
    "ImageId",
    "ImageTooLarge",
    "KeyRefused",
    "Membership",
    "NotAllowed",
    "NotFound",
    "Occurrence",
    "Purpose",
    "QueryResult",
    "Relation",
    "Seen",
    "ServiceBusy",
    "Sighting",
    "StoreError",
    "StoreFull",
    "StoreTimeout",
    "StoreUnavailable",
    "UnknownVersion",
    "UnsupportedImage",
    "Verdict",
    "Withdrawn",
    "open_correlator",
    "seconds_left",
    "time_limit",
]

#: Modules that hold the public names, the ones that load fastest first.
_HOMES = (
    "errors",
    "config",
    "deadline",
    "records",
    "answers",
    "description",
    "correlator",
    "opening",
    "engine",
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        for home in _HOMES:
            module = import_module(f".{home}", __name__)
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
