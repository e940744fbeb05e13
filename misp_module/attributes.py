"""What the module and the sync both know about MISP attributes: which types carry a file, and which
occurrence of the store belongs to an attribute.
"""

import re

#: Attribute types that carry a file. spec: MISP describeTypes.
FILE_TYPES = ("attachment", "malware-sample")
#: Start of the occurrence of every MISP attribute. spec: README, `misp:attribute:<uuid>`.
OCCURRENCE_PREFIX = "misp:attribute:"

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def occurrence_of(uuid: str) -> str:
    """Return the occurrence of the attribute with this UUID, in the form HOST:KIND:ID."""
    return OCCURRENCE_PREFIX + uuid


def is_uuid(text: object) -> bool:
    """Return whether `text` is a UUID in its usual form, with hyphens."""
    return isinstance(text, str) and _UUID.fullmatch(text) is not None
