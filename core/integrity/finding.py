"""What a check finds, and how the checks read: in bulk, where a key of another type counts as absent."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import CorruptRecord
from ..records import ImageId
from ..store import Store
from ..store.intents import Intents
from ..store.keys import Command, on_image
from ..store.scripts import REPAIR

#: What a person has to do about a picture whose record is gone.
ADD_AGAIN = "add the picture again, or quaid forget {}"
#: What a person has to do about what a newer program wrote; mending it would remove it.
NEWER = "use a newer douglas-quaid"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong in a store."""

    #: The key, and the field where there is one.
    key: str
    #: What is wrong with it.
    problem: str
    #: What mending it does, or what a person has to do.
    remedy: str
    #: Mends it; None where only a person can.
    mend: Callable[[], object] | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}"


def read(store: Store, commands: Sequence[Command]) -> list[Any]:
    """Return the answers to commands; None for a key of another type, which keys.py finds."""
    answers = store.connection.run_each(commands)
    return [None if isinstance(answer, CorruptRecord) else answer for answer in answers]


def asking(store: Store, command: Command) -> Callable[[], object]:
    """Return what runs a command."""
    return lambda: store.connection.ask(command)


def repair(store: Store, tag: str, *arguments: bytes | str | int | float) -> Callable[[], Any]:
    """Return what runs a step of repair.lua."""
    return lambda: store.connection.ask(REPAIR(tag, store.connection.options.chunk_rows, *arguments))


def settle(store: Store, operation: str, name: str, *arguments: bytes | str) -> Callable[[], object]:
    """Return what runs an operation of meta.lua about a cluster or image. The call raises StoreError."""
    return lambda: Intents(store.connection).settle("mending", name, operation, name, *arguments)


def existing(store: Store, ids: Iterable[ImageId]) -> set[ImageId]:
    """Return which of these images are in the store."""
    wanted = sorted(set(ids))
    answers = read(store, [on_image("EXISTS", "img", image_id) for image_id in wanted])
    return {image_id for image_id, found in zip(wanted, answers, strict=True) if found}
