"""What a pool and its workers say to each other: lines of JSON over two pipes. Nothing is pickled.

order      to a worker, once: `Order`
ready      from a worker, once, when it can take requests
request    to a worker: a text, whose meaning the work knows
response   from a worker: the text that the work returned, or the class and message of an error, and what
           was logged meanwhile
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

#: Maximum length of a line in bytes. chosen: above the answer to any picture; a longer one is a fault.
MAX_LINE = 16 << 20


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is to do."""

    #: Module with the function `open_work` (pool.py).
    module: str
    #: Settings of the work, as its module writes them.
    settings: str
    #: Fields of the Config, whose store may contain a password: no command line shows it.
    config: dict[str, Any] = field(repr=False)
    #: Descriptor of the file whose lock a worker holds while it decodes a large picture.
    turns: int
    #: Number of pixels from which a picture is large.
    large: int


@dataclass(frozen=True, slots=True)
class Logged:
    """A message that was logged in a worker."""

    #: Level, as `logging` counts.
    level: int
    #: Name of the logger.
    logger: str
    #: The message.
    text: str


@dataclass(frozen=True, slots=True)
class Response:
    """What became of a request, or, as the first response, of the order."""

    #: What the work returned.
    text: str = ""
    #: Name of the class of an error; empty for none.
    error: str = ""
    #: Message of the error.
    message: str = ""
    #: Messages that were logged since the response before.
    logged: tuple[Logged, ...] = ()


def packed(value: Order | Response | str) -> bytes:
    """Return a value as a line of ASCII."""
    plain = value if isinstance(value, str) else asdict(value)
    return json.dumps(plain).encode("ascii") + b"\n"


def read_response(line: bytes) -> Response:
    """Return the response of a line. Raises ValueError, TypeError or KeyError for anything else."""
    given = json.loads(line)
    return Response(**given | {"logged": tuple(Logged(**one) for one in given["logged"])})
