"""All there is to ask: one entry for each method and path. The application, the document and the page of the
document are made from this list.
"""

from __future__ import annotations

from urllib.parse import unquote

from .book_operations import BOOKS
from .operation import NAME, OTHER, Operation
from .picture_operations import PICTURES
from .store_operations import STORED

#: Every operation.
OPERATIONS: tuple[Operation, ...] = (*PICTURES, *STORED, *BOOKS)


def find(raw_path: bytes) -> tuple[dict[str, Operation], dict[str, str]]:
    """Return the operations of a path by method, and the names in it by NAME and OTHER.

    `raw_path`: as it was sent, because a name may hold an encoded `/`. Bytes that are not UTF-8 are kept as
    the command line keeps those of file names. A path that is written out goes before one with a name.
    """
    parts = raw_path.decode("latin-1").split("/")
    found, names = dict[str, Operation](), dict[str, str]()
    for operation in OPERATIONS:
        wanted = operation.path.split("/")
        if len(wanted) == len(parts) and all(
            given if want in (NAME, OTHER) else want == given
            for want, given in zip(wanted, parts, strict=True)
        ):
            found.setdefault(operation.method, operation)
            for want, given in zip(wanted, parts, strict=True):
                if want in (NAME, OTHER):
                    names[want] = unquote(given, errors="surrogateescape")
    return found, names
