"""The picture in an attribute's file. Most malware samples are none, and unlocking one takes a second a
megabyte: so its first bytes are looked at before the rest is unlocked.
"""

from __future__ import annotations

from douglas_quaid.decoding.headers import read_header
from douglas_quaid.errors import CorruptImage, ImageTooLarge

from ..attachment import decode_attachment, unpack_sample
from .attribute import Attribute

#: Bytes that tell what kind of file it is. chosen: one step of Python's zip reader; kinds are told by the
#: first 32.
HEAD = 4096


def bytes_of(attribute: Attribute, *, max_bytes: int) -> bytes:
    """The picture's bytes. Raises UnsupportedImage when the file is none, CorruptImage when it cannot be
    unpacked, ImageTooLarge.
    """
    try:
        data = decode_attachment(attribute.data or "", max_bytes=max_bytes)
        if attribute.type == "malware-sample":
            _require_picture(unpack_sample(data, max_bytes=max_bytes, only_first=HEAD))
            data = unpack_sample(data, max_bytes=max_bytes)
    except ImageTooLarge:
        raise ImageTooLarge(
            f"more than the limit of {max_bytes:,} bytes; raise DOUGLAS_QUAID_MAX_BYTES to take it"
        ) from None
    _require_picture(data)
    return data


def _require_picture(head: bytes) -> None:
    """Raises UnsupportedImage unless these bytes begin like a picture."""
    try:
        read_header(head)
    except CorruptImage:
        return  # a picture by its first bytes; what is wrong with it is for the decoder to say
