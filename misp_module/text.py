"""Makes text safe. File names, labels and titles were typed by whoever made the picture.

MISP escapes what it shows, but its classic pages parse values that look like JSON, its logs are lines, and
other programs read its exports. So `harmless` removes markup, control characters, bidirectional overrides
and lone surrogates from what MISP gets, and limits the length. `clean` does so for labels in the store, but
keeps their markup: they are made harmless before MISP gets them.
"""

import json
import re
from unicodedata import category

#: Maximum number of characters of a value or a label. chosen: what MISP's lists show, and what file systems
#: allow for a name.
MAX_CHARACTERS = 255
#: Maximum length of a label as JSON, where one character may take twelve. chosen: two such labels fit into
#: what the store accepts for one occurrence.
MAX_ESCAPED = 1500

#: Characters that end a tag, an attribute or a string in some language, and their replacements. chosen.
_REPLACEMENTS = str.maketrans({"<": "‹", ">": "›", '"': "”", "'": "’", "`": "’", "\\": "⧵"})
#: Unicode's categories of control and format characters, surrogates, private use, line and paragraph
#: separators.
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
#: Bidirectional embeddings, overrides and isolates.
_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")


def harmless(text: str, *, limit: int = MAX_CHARACTERS) -> str:
    """Return one line of printable text without markup, shortened with "…" to `limit` characters."""
    start = text[: 4 * limit]  # the rest would be cut off in any case
    visible = "".join(" " if category(character) in _INVISIBLE else character for character in start)
    line = " ".join(visible.split()).translate(_REPLACEMENTS)
    if len(line) > limit or len(text) > len(start):
        line = line[: limit - 1] + "…"
    return f"“{line}”" if line.startswith(("{", "[")) else line


def clean(text: str) -> str:
    """Return a label for the store: one short line without control characters, lone surrogates and
    bidirectional overrides.
    """
    kept = "".join(
        " " if category(character) in ("Cc", "Cs", "Zl", "Zp") else character
        for character in _OVERRIDES.sub("", text[: 4 * MAX_CHARACTERS])
    )
    short = " ".join(kept.split())[:MAX_CHARACTERS]
    while len(json.dumps(short)) > MAX_ESCAPED:
        short = short[:-16]
    return short
