"""Names of the tags that we write, and of those by which analysts answer. Pure text; nothing here asks AIL or
the store.

Only tags under `infoleak:automatic-detection` have AIL's confirm button, which adds the same tag under
`infoleak:analyst-detection`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from douglas_quaid.decision.likelihood import band
from douglas_quaid.records import Relation

AUTOMATIC = "infoleak:automatic-detection"
ANALYST = "infoleak:analyst-detection"
FALSE_POSITIVE = 'infoleak:confirmed="false-positive"'
REVIEW = f'{AUTOMATIC}="visual-review"'
#: Longest tag of a label. chosen.
TAG_CHARACTERS = 200

#: spec: values of dark-web:topic for which AIL blurs pictures and tags all that is correlated (Tag.py), and
#: their new name in the taxonomy.
_UNSAFE = (
    "pornography-illicit-or-illegal",
    "pornography-child-exploitation",
    "child-sexual-abuse-material",
    "violence",
)


def match(relation: Relation | None, confidence: float) -> str:
    """Such as infoleak:automatic-detection="visual-partial-very-likely"."""
    return f'{AUTOMATIC}="visual-{relation.value if relation else "match"}-{band(confidence)}"'


def looks_like(labels: Mapping[str, str]) -> str:
    """What the labels of a page of a baseline say it is: `tag`, else its brand, else its first domain."""
    if own := reference(labels):
        return own
    name = labels.get("brand") or (domains(labels.get("domain", "")) or ["known-page"])[0]
    plain = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")[:60]
    return f'{AUTOMATIC}="visual-looks-like-{plain or "known-page"}"'


def reference(labels: Mapping[str, str]) -> str | None:
    """The tag that the labels of a collection's picture ask for; None when they ask for none, or for what is
    no tag.
    """
    tag = labels.get("tag", "").strip()
    return tag if tag and len(tag) <= TAG_CHARACTERS and tag.isprintable() else None


def domains(text: str) -> list[str]:
    """Names of a label that lists them, separated by commas; lower case, without the dot at the end that a
    name may have.
    """
    return [name.strip().lower().rstrip(".") for name in text.split(",") if name.strip(" .")]


def is_at_home(page: Collection[str], labels: Mapping[str, str]) -> bool:
    """Whether one of the page's domains is one of those that the labels name, or lies below one."""
    own = domains(labels.get("domain", ""))
    return any(
        name == domain or name.endswith(f".{domain}") for name in domains(",".join(page)) for domain in own
    )


def is_unsafe(tag: str) -> bool:
    """Whether AIL blurs what has this tag, and spreads it to domains."""
    name = tag.lower()
    return name.startswith("copine-scale:") or (
        name.startswith("dark-web:") and any(f'"{value}"' in name for value in _UNSAFE)
    )


def analysts(tag: str) -> str:
    """The tag that AIL's confirm button adds for this one."""
    return tag.replace("automatic-detection", "analyst-detection", 1)
