"""Text that strangers wrote, made harmless to look at. Templates and `textContent` keep it from being markup;
this keeps it from turning lines around, hiding characters, or filling the page.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

#: Maximum length of a text on a page, in characters. chosen: a long path.
LONGEST = 300
#: Maximum number of labels of one occurrence on a page. chosen.
MOST_LABELS = 20
#: Maximum number of marks that may follow each other on one letter. chosen: real scripts stack three.
MOST_MARKS = 4

#: Categories of characters that are not seen, or change how others are: control, format, surrogates, private
#: use, unassigned, line and paragraph separators. spec: Unicode.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def shown(text: str, longest: int = LONGEST) -> str:
    """Return a text with hidden characters written out as U+XXXX, cut to a length with a note of how much is
    missing.
    """
    kept, marks = list[str](), 0
    for character in text[:longest]:
        category = unicodedata.category(character)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if category in _HIDDEN:
            kept.append(f"\u27e8U+{ord(character):04X}\u27e9")
        elif marks <= MOST_MARKS:
            kept.append(character)
    missing = len(text) - longest
    return "".join(kept) + (f" … ({missing:,} characters more)" if missing > 0 else "")


def shown_labels(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return labels as a page shows them, the first ones of many."""
    return [
        {"name": shown(str(name), 60), "value": shown(str(value))}
        for name, value in list(labels.items())[:MOST_LABELS]
    ]
