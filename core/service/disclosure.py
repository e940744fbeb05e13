"""What of an answer a caller may see: ids, scores and evidence always; names of hosts and collections, with
labels and what else is written there, as far as the key says (`--sees`).
"""

from __future__ import annotations

from typing import Any

from .access import Caller

#: Stands for a problem of the store, whose text may hold names.
HIDDEN_PROBLEM = "something in the store is broken and was left out; the operator's self-check tells what"

#: Stands for the sentence about an entry of a list whose name is hidden.
HIDDEN_LIST = "an entry of a hash list, of which there are no pixels to compare"


def hit_seen_by(caller: Caller, line: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a hit as a caller may see it."""
    if caller.sees_all:
        return line
    seen = [
        (place, labels)
        for place, labels in zip(line["occurrences"], line["occurrence_labels"], strict=True)
        if _is_shown(caller, place)
    ]
    return line | {
        "occurrences": [place for place, _ in seen],
        "occurrence_labels": [labels for _, labels in seen],
        "collections": _collections(caller, line),
        "problems": [HIDDEN_PROBLEM] * bool(line["problems"]),
    }


def listed_seen_by(caller: Caller, line: dict[str, Any]) -> dict[str, Any]:
    """Return the line of an entry of a hash list as a caller may see it: the names of the list and the entry
    belong to its collection.
    """
    if caller.sees("collection", line["collection"]):
        return line
    hidden = {"list": "", "entry_id": "", "collection": "", "tlp": "", "sentence": HIDDEN_LIST}
    return line | hidden | {"labels": {}, "first_seen": None, "last_seen": None}


def query_seen_by(caller: Caller, line: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a query as a caller may see it."""
    if caller.sees_all:
        return line
    hits = [hit_seen_by(caller, hit) for hit in line["hits"]]
    listed = [listed_seen_by(caller, entry) for entry in line["listed"]]
    return line | {"hits": hits, "listed": listed, "problems": [HIDDEN_PROBLEM] * bool(line["problems"])}


def description_seen_by(caller: Caller, line: dict[str, Any]) -> dict[str, Any]:
    """Return the line of an image as a caller may see it."""
    if caller.sees_all:
        return line
    return line | {
        "occurrences": [place for place in line["occurrences"] if _is_shown(caller, place["occurrence"])],
        "collections": _collections(caller, line),
        "problems": [HIDDEN_PROBLEM] * bool(line["problems"]),
    }


def hub_seen_by(caller: Caller, line: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a common region or a large cluster as a caller may see it."""
    return line | {"occurrences": [place for place in line["occurrences"] if _is_shown(caller, place)]}


def _collections(caller: Caller, line: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in line["collections"] if caller.sees("collection", one["name"])]


def _is_shown(caller: Caller, occurrence: str) -> bool:
    return caller.sees("host", occurrence.partition(":")[0])
