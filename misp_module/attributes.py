"""What the module and the sync both know about MISP: which attribute types carry a file, which occurrence of
the store belongs to an attribute, and what UUIDs and base URLs look like.
"""

import re
from urllib.parse import urlsplit

#: Attribute types that carry a file. spec: MISP describeTypes.
FILE_TYPES = ("attachment", "malware-sample")
#: Endings of the names of pictures in the formats that are read.
PICTURE_ENDINGS = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".dib"),
    *(".tif", ".tiff", ".avif", ".heic", ".heif"),
)
#: Start of the occurrence of every MISP attribute. spec: README, `misp:attribute:<uuid>`.
OCCURRENCE_PREFIX = "misp:attribute:"

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def occurrence_of(uuid: str) -> str:
    """Return the occurrence of the attribute with this UUID, in the form HOST:KIND:ID."""
    return OCCURRENCE_PREFIX + uuid


def is_uuid(text: object) -> bool:
    """Return whether `text` is a UUID in its usual form, with hyphens."""
    return isinstance(text, str) and _UUID.fullmatch(text) is not None


def is_base_url(text: str) -> bool:
    """Return whether `text` can be the base URL of a MISP: http or https and a host, without a user, a query,
    a fragment or white space.
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return (
        text.isprintable()
        and parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and not set(" @?#") & set(text)
    )
