"""The picture in an attribute's file.

Most malware samples are not pictures, and decrypting one takes a second per megabyte. So the first bytes are
checked before the rest is decrypted.
"""

from __future__ import annotations

from douglas_quaid.decoding.headers import read_header
from douglas_quaid.errors import CorruptImage, ImageTooLarge

from ..attachment import decode_attachment, unpack_sample
from .attribute import Attribute

#: Bytes that tell the type of a file. chosen: one step of Python's ZIP reader; types are told by the first
#: 32.
HEAD = 4096


def picture_bytes(attribute: Attribute, *, max_bytes: int) -> bytes:
    """Return the bytes of the picture.

    Raises UnsupportedImage when the file is not a picture, CorruptImage when it cannot be unpacked,
    EmptyImage without data, ImageTooLarge above `max_bytes`.
    """
    try:
        data = decode_attachment(attribute.data or "", max_bytes=max_bytes)
        if attribute.type == "malware-sample":
            _require_picture(unpack_sample(data, max_bytes=max_bytes, only_first=HEAD))
            data = unpack_sample(data, max_bytes=max_bytes)
    except ImageTooLarge:
        raise ImageTooLarge(
            f"more than the limit of {max_bytes:,} bytes; raise DOUGLAS_QUAID_MAX_BYTES to accept it"
        ) from None
    _require_picture(data)
    return data


def _require_picture(head: bytes) -> None:
    """Raise UnsupportedImage unless the file begins like a picture."""
    try:
        read_header(head)
    except CorruptImage:
        return  # it begins like a picture; the decoder reports what is wrong with it
