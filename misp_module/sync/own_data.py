"""Our data in a MISP: results of the module that analysts saved, and relationships that the sync writes."""

import uuid
from dataclasses import dataclass

from ..mapping import FOUND_RELATION, QUERIED_RELATION
from ..template import TEMPLATE

#: Namespace of the UUIDs of relationships. chosen at random; it never changes.
NAMESPACE = uuid.UUID("5e1f3c0a-6c0b-4d0e-9a53-7d2f4b9c1e60")


@dataclass(frozen=True, slots=True)
class Relationship:
    """A relationship in MISP's analyst data."""

    #: UUID of the one attribute, the lesser of the two.
    attribute: str
    #: UUID of the other attribute.
    related: str
    #: `similar` or `same-as`. spec: MISP's list of relationship types.
    kind: str

    @property
    def uuid(self) -> str:
        """UUID of the relationship. It follows from the pair, so that each is written once."""
        return str(uuid.uuid5(NAMESPACE, f"{self.attribute} {self.kind} {self.related}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """A saved `image-similarity` object. All UUIDs are in lower case."""

    #: UUIDs of the object's own attributes, one of which analysts tag.
    attributes: frozenset[str]
    #: UUID of the attribute that was enriched.
    queried: tuple[str, ...]
    #: UUIDs of the attributes that the object names as showing the same picture.
    found: tuple[str, ...]


def similarities_of(response: object) -> list[Similarity]:
    """Return all such objects in a response of `events/restSearch`.

    Raises ValueError when it does not have the format of MISP.
    """
    try:
        if not isinstance(response, list):
            raise TypeError(f"a {type(response).__name__} instead of a list of events")
        return [
            _similarity(found)
            for row in response
            for found in row["Event"].get("Object") or []
            if found["name"] == TEMPLATE
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"an event in the response cannot be read ({type(error).__name__}: {str(error)[:100]})"
        ) from None


def _similarity(found: dict[str, list[dict[str, str]]]) -> Similarity:
    attributes, references = found.get("Attribute") or [], found.get("ObjectReference") or []
    referenced = tuple(
        reference["referenced_uuid"].lower() for reference in references if not reference.get("deleted")
    )
    return Similarity(
        attributes=frozenset(attribute["uuid"].lower() for attribute in attributes),
        # Objects of the first version of the template name it by their reference only.
        queried=_values(attributes, QUERIED_RELATION) or referenced,
        found=_values(attributes, FOUND_RELATION),
    )


def _values(attributes: list[dict[str, str]], relation: str) -> tuple[str, ...]:
    return tuple(
        attribute["value"].strip().lower()
        for attribute in attributes
        if attribute.get("object_relation") == relation
    )
