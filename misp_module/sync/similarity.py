"""Answers of our module that analysts saved: `image-similarity` objects of an event, parsed once from MISP's
JSON.
"""

from __future__ import annotations

from dataclasses import dataclass

#: spec: our object template.
NAME = "image-similarity"
#: spec: our object template; the attributes that hold the picture that was found, several when it was seen at
#: several places.
NAMED = "attribute-uuid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    #: UUIDs of the object's own attributes; analysts tag one of them.
    attributes: frozenset[str]
    #: UUIDs that the object refers to: the attribute that was enriched.
    asked: tuple[str, ...]
    #: UUIDs of the attributes that it names as showing the same.
    found: tuple[str, ...]


def similarities_of(answer: object) -> list[Similarity]:
    """All such objects in an answer of `events/restSearch`. Raises ValueError when it has not the shape that
    MISP gives.
    """
    try:
        if not isinstance(answer, list):
            raise TypeError(f"a {type(answer).__name__} instead of a list of events")
        return [
            _similarity(found)
            for row in answer
            for found in row["Event"].get("Object") or []
            if found["name"] == NAME
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"an event in the answer cannot be read ({type(error).__name__}: {str(error)[:100]})"
        ) from None


def _similarity(found: dict[str, list[dict[str, str]]]) -> Similarity:
    attributes, references = found.get("Attribute") or [], found.get("ObjectReference") or []
    return Similarity(
        attributes=frozenset(attribute["uuid"].lower() for attribute in attributes),
        asked=tuple(
            reference["referenced_uuid"].lower() for reference in references if not reference.get("deleted")
        ),
        found=tuple(
            attribute["value"].strip().lower()
            for attribute in attributes
            if attribute.get("object_relation") == NAMED
        ),
    )
