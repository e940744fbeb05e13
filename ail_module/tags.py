"""Names of the tags that this module writes, and of those by which analysts answer.

Only tags under `infoleak:automatic-detection` have AIL's confirm button, which adds the same tag under
`infoleak:analyst-detection`. Nothing here asks AIL or the store.
"""

import re
from collections.abc import Collection, Mapping

from douglas_quaid import Relation
from douglas_quaid.decision.likelihood import band

#: Namespace and predicate of our tags.
AUTOMATIC = "infoleak:automatic-detection"
#: The tag by which an analyst rejects what we say about an object.
FALSE_POSITIVE = 'infoleak:confirmed="false-positive"'
#: The tag of an object that matches another one, whatever the relation.
MATCH = f'{AUTOMATIC}="visual-match"'
#: The tag of an object that a person should look at.
REVIEW = f'{AUTOMATIC}="visual-review"'
#: Maximum length of a tag in a label. chosen.
TAG_CHARACTERS = 200

#: spec: values of dark-web:topic for which AIL blurs pictures and tags everything that is correlated
#: (Tag.py), and their new name in the taxonomy.
_UNSAFE = (
    "pornography-illicit-or-illegal",
    "pornography-child-exploitation",
    "child-sexual-abuse-material",
    "violence",
)


def match(relation: Relation | None, confidence: float) -> str:
    """Return the detailed tag of a match: infoleak:automatic-detection="visual-partial-very-likely"."""
    return f'{AUTOMATIC}="visual-{relation.value if relation else "match"}-{band(confidence)}"'


def looks_like(labels: Mapping[str, str]) -> str:
    """Return the tag of a page that looks like a picture of a baseline, from that picture's labels: `tag`,
    else its brand, else its first domain.
    """
    if own := reference(labels):
        return own
    name = labels.get("brand") or (domains(labels) or ["known-page"])[0]
    plain = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")[:60]
    return f'{AUTOMATIC}="visual-looks-like-{plain or "known-page"}"'


def reference(labels: Mapping[str, str]) -> str | None:
    """Return the label `tag` of a picture of a collection; None if there is none or AIL cannot use it."""
    tag = labels.get("tag", "").strip()
    return tag if tag and len(tag) <= TAG_CHARACTERS and tag.isprintable() else None


def domains(labels: Mapping[str, str]) -> list[str]:
    """Return the names in the label `domain`, which are separated by commas: in lower case, without a dot at
    the end.
    """
    names = labels.get("domain", "").split(",")
    return [name.strip().lower().rstrip(".") for name in names if name.strip(" .")]


def is_at_home(page: Collection[str], labels: Mapping[str, str]) -> bool:
    """Return whether one of a page's domains is among those that the labels name, or below one of them.

    `page`: as `domains` returns them.
    """
    return any(name == own or name.endswith(f".{own}") for name in page for own in domains(labels))


def is_unsafe(tag: str) -> bool:
    """Return whether AIL blurs objects with this tag and spreads it to domains."""
    name = tag.lower()
    return name.startswith("copine-scale:") or (
        name.startswith("dark-web:") and any(f'"{value}"' in name for value in _UNSAFE)
    )


def analysts(tag: str) -> str:
    """Return the tag that AIL's confirm button adds for this one."""
    return tag.replace("automatic-detection", "analyst-detection", 1)
