"""The body of a request, read as it comes: pictures into files that keep little in memory, fields as text.

No more is read than the limit of a picture and a little for the fields around it, however long a client says
the body is, and a client that sends nothing for a while is let go. What a client had sent when it was cut off
is thrown away.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from ..errors import ConfigError, EmptyImage, ImageTooLarge, ServiceBusy
from .refusals import Refusal

#: Bytes of a body besides its pictures. chosen: some fields and labels.
AROUND = 256 * 1024
#: Bytes of an upload that stay in memory; the rest goes to a file. chosen.
IN_MEMORY = 256 * 1024
#: Bytes of a body of long fields. chosen: a bookmark of 1 MiB, escaped as JSON.
BOOK_BYTES = 4 * 1024 * 1024
#: Pictures of one form. chosen: together they must keep the limit of one.
MOST_PICTURES = 100
#: Fields of a form. chosen: labels, mostly.
MOST_FIELDS = 200
#: Seconds without a byte after which a client is let go. chosen.
SILENCE = 30.0
#: Seconds that a whole body may take. chosen: 64 MiB at 1 Mbit/s.
LONGEST = 600.0


class Body(str, Enum):
    """What the body of a request may be."""

    #: Nothing.
    NONE = "none"
    #: One picture, in a form as `image` or as the raw bytes.
    PICTURE = "picture"
    #: Two pictures `a` and `b`, each a file or a name, in a form or a JSON object.
    PAIR = "pair"
    #: Fields, in a form or a JSON object.
    FIELDS = "fields"
    #: Pictures, one or more, in a form as `image`; or one as the raw bytes.
    PICTURES = "pictures"
    #: Fields that may be long or many, in a JSON object.
    BOOKS = "books"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came with a request."""

    #: Name that the client gave it; `-` for raw bytes, as standard input is called.
    name: str
    #: Its bytes.
    file: IO[bytes]

    def read(self) -> bytes:
        """Return all bytes."""
        self.file.seek(0)
        return self.file.read()


@dataclass(slots=True)
class Received:
    """What a body held."""

    #: Values by the names of fields.
    fields: dict[str, list[object]] = field(default_factory=dict)
    #: Files by the names of fields.
    files: dict[str, Upload] = field(default_factory=dict)
    #: Further pictures, where several may come.
    further: list[Upload] = field(default_factory=list)

    def close(self) -> None:
        """Throw the files away."""
        for upload in (*self.files.values(), *self.further):
            upload.file.close()


#: Files of a form, where they may be more than two.
_MOST = {Body.PICTURES: MOST_PICTURES}


async def receive(request: Request, body: Body, *, max_bytes: int) -> Received:
    """Return the body of a request. Raises Refusal, EmptyImage, ImageTooLarge, ServiceBusy,
    ConfigError.
    """
    if body is Body.NONE:
        return Received()
    pictures = {Body.PICTURE: ("image",), Body.PICTURES: ("image",), Body.PAIR: ("a", "b")}.get(body, ())
    around = BOOK_BYTES if body is Body.BOOKS else AROUND
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    # JSON holds no picture, and is parsed at once.
    limit = len(pictures) * max_bytes * (media != "application/json") + around
    chunks = _chunks(request, limit, max_bytes)
    try:
        if media == "multipart/form-data":
            received = await _form(request, chunks, pictures, most=_MOST.get(body, 2))
        elif body in (Body.PICTURE, Body.PICTURES):
            received = Received(files={"image": Upload("-", await _raw(chunks))})
        elif media == "application/json":
            received = Received(_object(b"".join([chunk async for chunk in chunks])))
        else:
            raise Refusal(415, ConfigError("expected a body of type multipart/form-data or application/json"))
    except OSError as error:  # the folder for temporary files is full, say
        raise ServiceBusy(f"the upload cannot be kept: {error.strerror}; come again") from None
    finally:
        await chunks.aclose()
    for name, upload in received.files.items():
        if not (size := upload.file.seek(0, 2)):
            received.close()
            raise EmptyImage(f"{upload.name}: the file is empty; expected a picture")
        if size > max_bytes:
            received.close()
            raise ImageTooLarge(f"{name}: {size:,} bytes, more than the limit of {max_bytes:,}")
    return received


async def _chunks(request: Request, limit: int, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """The body as it comes. Raises as `receive`."""
    size, declared = 0, request.headers.get("content-length", "")
    too_large = ImageTooLarge(
        f"the body is larger than the limit of {max_bytes:,} bytes for a picture;"
        " raise DOUGLAS_QUAID_MAX_BYTES of the service to accept it"
    )
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    until = asyncio.get_running_loop().time() + LONGEST
    stream = request.stream()
    while True:
        left = min(SILENCE, until - asyncio.get_running_loop().time())
        try:
            chunk = await asyncio.wait_for(anext(stream), max(0.0, left))
        except StopAsyncIteration:
            return
        except asyncio.TimeoutError:
            raise Refusal(
                408, ConfigError("the body came too slowly, or not at all"), {"Connection": "close"}
            ) from None
        except ClientDisconnect:
            raise Refusal(400, ConfigError("the body was cut off")) from None
        size += len(chunk)
        if size > limit:
            raise too_large
        yield chunk


async def _raw(chunks: AsyncGenerator[bytes, None]) -> IO[bytes]:
    file: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - Received.close ends it
    # It writes to the disk on another thread, so that others are answered meanwhile.
    upload, waiting = UploadFile(file=file, size=0), bytearray()  # type: ignore[arg-type]
    try:
        async for chunk in chunks:
            waiting += chunk
            if len(waiting) >= IN_MEMORY:
                await upload.write(bytes(waiting))
                waiting.clear()
        await upload.write(bytes(waiting))
    except BaseException:
        file.close()
        raise
    return file


class _FormParser(MultiPartParser):
    """Reads a form whose fields, which stay in memory, are small all together."""

    _text = 0

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Take some bytes of a part. Raises MultiPartException."""
        if self._current_part.file is None:
            self._text += end - start
            if self._text > AROUND:
                raise MultiPartException(f"its fields have more than {AROUND:,} bytes together")
        super().on_part_data(data, start, end)


async def _form(
    request: Request, chunks: AsyncGenerator[bytes, None], pictures: tuple[str, ...], *, most: int
) -> Received:
    # Decoders of some other charsets take minutes for what a form may hold.
    _, options = parse_options_header(request.headers["content-type"])
    if options.get(b"charset", b"utf-8").lower() != b"utf-8":
        raise ConfigError("the form cannot be read: expected the charset utf-8")
    parser = _FormParser(request.headers, chunks, max_files=most, max_fields=MOST_FIELDS)
    parser.spool_max_size = IN_MEMORY
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise ConfigError(f"the form cannot be read: {error.message}") from None
    except (KeyError, ValueError, AssertionError) as error:
        raise ConfigError(f"the form cannot be read: {type(error).__name__}") from None
    received = Received()
    for name, value in form.multi_items():
        if not isinstance(value, UploadFile):
            received.fields.setdefault(name, []).append(value)
        elif name in pictures and name not in received.files:
            received.files[name] = Upload(value.filename or name, value.file)
        elif name in pictures and most == MOST_PICTURES:
            received.further.append(Upload(value.filename or name, value.file))
        else:
            await form.close()
            raise ConfigError(
                f"the file {name[:80]!r}: expected {' and '.join(pictures) or 'no file'}, each once"
            )
    return received


def _object(data: bytes) -> dict[str, list[object]]:
    try:
        values: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise ConfigError("the body cannot be read as JSON") from None
    if not isinstance(values, Mapping):
        raise ConfigError("the body is JSON, but not an object")
    return {str(name): value if isinstance(value, list) else [value] for name, value in values.items()}
