"""Text that strangers wrote, made fit for labels and terminals."""

from __future__ import annotations

import json
import unicodedata

#: Characters kept of a file name or title. chosen: what file systems allow for a name.
LONGEST = 255
#: Characters of its JSON form, where one sign may take twelve; two such labels fit into what the store takes.
LONGEST_ESCAPED = 1500


def clean(text: str) -> str:
    """Without control characters, line ends, lone surrogates and signs that turn the reading direction; at
    most LONGEST characters.
    """
    kept = "".join(
        " " if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") else sign
        for sign in text[: 4 * LONGEST]
        if not _turns(sign)
    )
    short = " ".join(kept.split())[:LONGEST]
    while len(json.dumps(short)) > LONGEST_ESCAPED:
        short = short[:-16]
    return short


def _turns(sign: str) -> bool:
    return "\u202a" <= sign <= "\u202e" or "\u2066" <= sign <= "\u2069"
