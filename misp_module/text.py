"""Makes text safe for MISP. File names, labels and titles were typed by whoever made the picture.

MISP escapes what it shows, but its classic pages parse values that look like JSON, its logs are lines, and
other programs read its exports. So this module removes markup, control characters, bidirectional overrides
and lone surrogates, and limits the length.
"""

import unicodedata

#: Maximum number of characters of a value. chosen: what MISP's lists show.
MAX_CHARACTERS = 255

#: Characters that end a tag, an attribute or a string in some language, and their replacements. chosen.
_REPLACEMENTS = str.maketrans({"<": "‹", ">": "›", '"': "”", "'": "’", "`": "’", "\\": "⧵"})


def harmless(text: str, *, limit: int = MAX_CHARACTERS) -> str:
    """Return one line of printable text without markup, shortened with "…" to `limit` characters."""
    start = text[: 4 * limit]  # the rest would be cut off in any case
    visible = "".join(character if _is_visible(character) else " " for character in start)
    line = " ".join(visible.split()).translate(_REPLACEMENTS)
    if len(line) > limit or len(text) > len(start):
        line = line[: limit - 1] + "…"
    return f"“{line}”" if line.startswith(("{", "[")) else line


def _is_visible(character: str) -> bool:
    """False for control and format characters, surrogates, private use, line and paragraph separators."""
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
