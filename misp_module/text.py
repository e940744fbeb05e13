"""Text on its way into MISP. Labels, file names and titles were typed by whoever made the picture; what
leaves here is harmless.

MISP escapes what it shows, but its classic pages read values that look like JSON as JSON, its logs are lines,
and other programs read its exports: so markup, control characters, bidirectional overrides, lone surrogates
and endless values end here.
"""

from __future__ import annotations

import unicodedata

#: Longest value. chosen: what MISP's lists show of one.
MOST_CHARACTERS = 255

#: Characters that end a tag, an attribute or a string in some language, and what takes their place. chosen.
_TWINS = str.maketrans({"<": "‹", ">": "›", '"': "”", "'": "’", "`": "’", "\\": "⧵"})


def harmless(text: str, *, most: int = MOST_CHARACTERS) -> str:
    """One line of printable text: no markup, nothing invisible, cut with "…" after `most` characters."""
    cut = text[: 4 * most]  # what is cut away anyway is not looked at
    line = " ".join(
        "".join(character if _is_visible(character) else " " for character in cut).split()
    ).translate(_TWINS)
    if len(line) > most or len(text) > len(cut):
        line = line[: most - 1] + "…"
    return f"“{line}”" if line.startswith(("{", "[")) else line


def _is_visible(character: str) -> bool:
    """False for control and format characters, surrogates, private use, line and paragraph separators."""
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
