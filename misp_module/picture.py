"""The bytes of a picture, as MISP carries them: base64, and for a malware sample a ZIP archive locked with
`infected` around them.

Sizes are checked before anything is decoded, and no more is unpacked than the limit, whatever the archive
says of itself.
"""

from __future__ import annotations

import base64
import binascii
import io
import struct
import time
import zipfile
import zlib

from douglas_quaid.errors import CorruptImage, EmptyImage, ImageTooLarge, UnsupportedImage

#: spec: MISP, AttachmentTool::encrypt.
PASSWORD = b"infected"
#: spec: MISP, AttachmentTool::encrypt: beside the sample <md5> lies <md5>.filename.txt with its name.
NAME_MEMBER = ".filename.txt"
#: Unlocked between two looks at the clock. measured: Python unlocks about 1.3 MB/s, so a step is 50 ms.
STEP_BYTES = 64 * 1024
#: spec: MISP, AttachmentTool::encrypt. Others take memory before a byte is read.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: Entries of an archive that are looked at; MISP writes two. chosen.
MOST_MEMBERS = 16


class OutOfTime(ImageTooLarge):
    """The sample cannot be unlocked in the time that is left."""


def attached(data: str, *, max_bytes: int) -> bytes:
    """The bytes of an attachment. Raises EmptyImage, ImageTooLarge, CorruptImage."""
    if not data or not isinstance(data, str):
        raise EmptyImage("the attachment has no data")
    if len(data) // 4 * 3 - 2 > max_bytes:
        raise ImageTooLarge(
            f"the attachment has about {len(data) * 3 // 4:,} bytes, the limit is {max_bytes:,}; raise max_image_mb"
        )
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CorruptImage(
            f"the data of the attachment is not base64 ({error}); attach the picture again"
        ) from None


def sample(
    archive: bytes, *, max_bytes: int, until: float | None = None, only_first: int | None = None
) -> bytes:
    """The one file in a malware sample's archive; `only_first`: no more than so many of its first bytes.

    `until`: moment of time.monotonic() to give up at, with OutOfTime. Raises UnsupportedImage, CorruptImage,
    ImageTooLarge.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            if len(opened.infolist()) > MOST_MEMBERS:
                raise UnsupportedImage(
                    f"the archive holds {len(opened.infolist())} files; a malware sample holds one"
                )
            files = [
                entry
                for entry in opened.infolist()
                if not entry.is_dir() and not entry.filename.endswith(NAME_MEMBER)
            ]
            if len(files) != 1:
                raise UnsupportedImage(f"the archive holds {len(files)} files; a malware sample holds one")
            return _unlocked(opened, files[0], max_bytes, until, only_first)
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        IndexError,
        OSError,
        ValueError,
        OverflowError,
    ) as error:
        raise CorruptImage(
            f"the archive of the malware sample cannot be read ({_words(error)}); attach it again"
        ) from None
    except (
        RuntimeError
    ) as error:  # what zipfile raises for a wrong password, and NotImplementedError for a method it has not
        if isinstance(error, NotImplementedError):
            raise UnsupportedImage(
                f"the archive of the malware sample is of a kind that is not read ({_words(error)})"
            ) from None
        raise CorruptImage(
            f"the archive of the malware sample does not open with the password “infected” ({_words(error)}); attach it through MISP"
        ) from None


def _unlocked(
    opened: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    max_bytes: int,
    until: float | None,
    only_first: int | None,
) -> bytes:
    if entry.compress_type not in METHODS:
        raise UnsupportedImage(
            "the archive of the malware sample is packed in a way that MISP does not use; attach it through MISP"
        )
    if entry.file_size > max_bytes and only_first is None:
        raise ImageTooLarge(
            f"the malware sample has {entry.file_size:,} bytes, the limit is {max_bytes:,}; raise max_image_mb"
        )
    parts, size = [], 0
    with opened.open(entry, pwd=PASSWORD) as stream:
        while part := stream.read(min(STEP_BYTES, only_first or STEP_BYTES)):
            parts.append(part)
            size += len(part)
            if only_first is not None and size >= only_first:
                break
            if size > max_bytes:
                raise ImageTooLarge(
                    f"the malware sample unpacks to more than {max_bytes:,} bytes, the limit; raise max_image_mb"
                )
            if until is not None and time.monotonic() > until:
                raise OutOfTime(
                    f"the malware sample has {entry.file_size:,} bytes, and unlocking it takes longer than MISP waits;"
                    " raise Plugin.Enrichment_timeout, or index it with: quaid misp sync"
                )
    return b"".join(parts)


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
