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

Importing this package is light: OpenCV, numpy and redis are loaded when a name is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answers import AddResult, Hit, QueryResult
    from .config import Config
    from .engine import Engine
    from .errors import ConfigError, DouglasQuaidError, FormatError, ImageError, NotFound, StoreError
    from .records import Cluster, Collection, Decision, Evidence, Occurrence, Purpose, Relation

_HOMES = {
    "answers": ("AddResult", "Hit", "QueryResult"),
    "config": ("Config",),
    "engine": ("Engine",),
    "errors": ("ConfigError", "DouglasQuaidError", "FormatError", "ImageError", "NotFound", "StoreError"),
    "records": ("Cluster", "Collection", "Decision", "Evidence", "Occurrence", "Purpose", "Relation"),
}

__all__ = [
    "AddResult",
    "Cluster",
    "Collection",
    "Config",
    "ConfigError",
    "Decision",
    "DouglasQuaidError",
    "Engine",
    "Evidence",
    "FormatError",
    "Hit",
    "ImageError",
    "NotFound",
    "Occurrence",
    "Purpose",
    "QueryResult",
    "Relation",
    "StoreError",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{module}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
