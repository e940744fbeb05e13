"""Many files into a store, by worker processes that read, decode, extract, store and link them.

Takes inputs, gives what became of each, in their order. Whatever is killed: a picture is stored whole or not
at all, and one that was stored and not linked is linked when it is added again, or by `quaid link --all`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from .. import errors
from ..answers import AddResult
from ..config import Config
from ..correlator import Correlator
from ..engine import Engine
from ..errors import CorruptImage, DouglasQuaidError, FormatError, ImageError, NotFound
from ..inputs import Input
from ..parallel.pool import Lost, Pool

#: Number of files from which processes are started. chosen: each takes as long to start as four files.
FEWEST = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions:
    """What is said of all pictures of a command."""

    #: Where they were seen; None: at their paths.
    occurrence: str | None = None
    #: Labels, as `Engine.add` takes them.
    labels: Mapping[str, str] = field(default_factory=dict)
    #: Collection to add them to.
    collection: str | None = None
    #: Whether they are linked at once.
    link: bool = True


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a file: a result, or the error that says why there is none."""

    #: The result.
    result: AddResult | None
    #: The error.
    error: DouglasQuaidError | None = None

    def to_text(self) -> str:
        """Return it as JSON."""
        error = self.error and [type(self.error).__name__, str(self.error)]
        return json.dumps({"result": self.result and asdict(self.result), "error": error})

    @classmethod
    def from_text(cls, text: str) -> "Added":
        """Return what `to_text` wrote."""
        given = json.loads(text)
        if given["error"] is not None:
            name, message = given["error"]
            return cls(None, getattr(errors, name)(message))
        return cls(AddResult(**given["result"]))


def add_file(engine: Correlator, item: Input, options: AddOptions) -> Added:
    """Add one file. Raises StoreError and ConfigError, which concern all others, too."""
    try:
        result = engine.add(
            item.read(engine.config.max_bytes),
            occurrence=options.occurrence or item.occurrence,
            labels=options.labels,
            collection=options.collection,
            link=options.link,
            name=item.path,
        )
    except (ImageError, FormatError, NotFound) as error:
        return Added(None, error)
    return Added(result)


def worth_processes(engine: Correlator, inputs: list[Input]) -> bool:
    """Return whether processes are quicker than threads of this one, and can do it: standard input cannot be
    given to others, and a service does the work elsewhere.
    """
    many = len(inputs) >= FEWEST and engine.config.threads > 1
    return many and isinstance(engine, Engine) and all(item.path != "-" for item in inputs)


def add_files(config: Config, inputs: Iterable[Input], options: AddOptions) -> Iterator[Added]:
    """Add files by as many processes as `config` has threads, and yield what became of each.

    Raises StoreError and ConfigError.
    """
    items = list(inputs)
    requests = (json.dumps([item.path, item.fault]) for item in items)
    with Pool(__name__, json.dumps(asdict(options)), config) as pool:
        for item, found in zip(items, pool.map(requests), strict=True):
            yield _lost(item, found) if isinstance(found, Lost) else Added.from_text(found)


def _lost(item: Input, lost: Lost) -> Added:
    return Added(
        None,
        CorruptImage(
            f"{item.path}: two processes ended while they worked on it ({lost.reason});"
            " fetch or save the picture again, or set DOUGLAS_QUAID_ISOLATE"
        ),
    )


@contextmanager
def open_work(config: Config, settings: str) -> Iterator[Callable[[str], str]]:
    """Open the store in a worker, and yield what adds a file."""
    options = AddOptions(**json.loads(settings))
    with Engine.open(config=config, mend=False) as engine:

        def work(request: str) -> str:
            path, fault = json.loads(request)
            return add_file(engine, Input(path, fault), options).to_text()

        yield work
