"""Labels of images in the store: untrusted text made safe, and the labels that name a legitimate page."""

import json
import re
import unicodedata
from collections.abc import Iterable

from .attribute import Attribute

#: Maximum number of characters of a label. chosen: what file systems allow for a name.
MAX_CHARACTERS = 255
#: Maximum length of a label as JSON, where one character may take twelve. chosen: two such labels fit into
#: what the store accepts for one occurrence.
MAX_ESCAPED = 1500
#: Labels that name a legitimate page; `page` is for example "sign-in page".
PAGE_KEYS = ("brand", "domain", "page")

_TAG = re.compile(r'douglas-quaid:(\w+)="?([^"]*)"?', re.IGNORECASE)
_PAIR = re.compile(
    r"""(?:^|[\s,;(])(brand|domain|page)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s,;]+))""", re.IGNORECASE
)


def clean(text: str) -> str:
    """Return one short line without control characters, lone surrogates and bidirectional overrides."""
    kept = "".join(
        " " if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") else character
        for character in text[: 4 * MAX_CHARACTERS]
        if not _is_override(character)
    )
    short = " ".join(kept.split())[:MAX_CHARACTERS]
    while len(json.dumps(short)) > MAX_ESCAPED:
        short = short[:-16]
    return short


def membership_labels(attribute: Attribute) -> dict[str, str]:
    """Return the PAGE_KEYS that the attribute states.

    They are read from its tags, such as `douglas-quaid:brand="Example Bank"`, else from its comment, such as
    `brand="Example Bank" domain=bank.example`, else from the tags of its event.
    """
    in_comment = {
        key.lower(): next(filter(None, values), "")
        for key, *values in _PAIR.findall(attribute.comment[:10_000])
    }
    labels = _of_tags(attribute.event_tags) | in_comment | _of_tags(attribute.tags)
    return {key: clean(labels[key]) for key in PAGE_KEYS if labels.get(key)}


def _of_tags(tags: Iterable[str]) -> dict[str, str]:
    return {match[1].lower(): match[2] for tag in tags if (match := _TAG.fullmatch(tag))}


def _is_override(character: str) -> bool:
    return "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069"
