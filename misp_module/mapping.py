"""Translates a hit into an `image-similarity` object, made for MISP's pages, its correlation engine and its
tags.

- MISP knows an object by the values of its attributes. So they hold only what stays: a further copy of the
  picture, or another sighting, does not make another object. What changes is in the comment (wording.py).
- At most MAX_ATTRIBUTES attributes: MISP draws each in its graphs.
- Only names and hashes that the settings disclose are included.
- Nothing refers to another event, and nothing is marked for intrusion detection systems.
- Only a match correlates; in a review, an analyst may allow it.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pymisp import MISPObject

from douglas_quaid import Decision
from douglas_quaid.decision.likelihood import TOLD_FROM, band

from .correlation import cluster_names
from .disclosed import Disclosed
from .messages import QueriedAttribute
from .places import events_of, first_place
from .settings import Settings
from .similar import Similar
from .template import TEMPLATE, template_text
from .text import harmless
from .wording import comment, finding, measured, sighting_summary

#: Relation that names the enriched attribute. spec: our object template.
QUERIED_RELATION = "queried-uuid"
#: Relation that names an attribute with the other picture. spec: our object template.
FOUND_RELATION = "attribute-uuid"

#: Maximum number of attributes of an object. chosen: what MISP's event page and its correlation graph show
#: legibly.
MAX_ATTRIBUTES = 8
#: Maximum number of values of one relation in a hover. chosen.
HOVER_VALUES = 3

#: Types of the reference to the queried attribute; `same-as` for equal bytes. spec: MISP's relationship
#: types.
_REFERENCES = {Decision.MATCH: "similar", Decision.REVIEW: "related-to", Decision.NO_MATCH: "related-to"}


@cache
def template_definition() -> dict[str, Any]:
    """Return the object template in the JSON form of misp-objects, which PyMISP accepts unchanged."""
    return dict(json.loads(template_text()))


def expansion_object(
    similar: Similar, attribute: QueriedAttribute, settings: Settings, *, note: str = ""
) -> Any:
    """Return the object of an enrichment as JSON, with a reference to the queried attribute or its object.

    `note` is appended to the first line of the comment.
    """
    hit, told = similar.hit, Disclosed.of(similar, settings)
    made = _object(_lasting_values(similar, told, attribute, settings), hit.decision)
    made.comment = comment(similar, told, attribute, settings, note=note)
    kind = "same-as" if hit.evidence.same_bytes else _REFERENCES[hit.decision]
    made.add_reference(attribute.target, kind)
    (verdict,) = made.get_attributes_by_relation("verdict")
    verdict.add_tag(name='misp:automation-level="unsupervised"')
    if hit.decision is Decision.MATCH or hit.confidence >= TOLD_FROM:
        verdict.add_tag(name=f'estimative-language:likelihood-probability="{band(hit.confidence)}"')
    if hit.decision is Decision.REVIEW:
        verdict.add_tag(name='workflow:todo="review"', local=True)  # a local tag stays on this MISP
    return json.loads(made.to_json())


def hover_object(similar: Similar, settings: Settings) -> Any:
    """Return the object of a hover as JSON, which shows no comment: all that is known now, beginning with how
    often the picture was seen.
    """
    hit, told = similar.hit, Disclosed.of(similar, settings)
    events = events_of(similar.history.sightings)[:HOVER_VALUES]
    values = {
        "seen": (sighting_summary(similar),),
        "verdict": (hit.decision.value,),
        "score": (f"{hit.confidence:.3f}",),
        "relation": (hit.relation.value,) if hit.relation else (),
        "evidence": (measured(similar, told, settings),),
        "brand": (told.brand,),
        "domain": (told.domain,),
        "filename": (told.filename,),
        "event": events,
        "link": tuple(_address(settings, event) for event in events),
    }
    return json.loads(_object(values, hit.decision).to_json())


def queried_attribute(attribute: QueriedAttribute) -> list[dict[str, Any]]:
    """Return the queried attribute as JSON, so that MISP's preview can name it; MISP recognises its own.

    The list is empty for an attribute inside an object, for which MISP would take another with the same file
    name, and for one whose texts MISP's pages would change.
    """
    shown = {
        "type": attribute.type,
        "category": attribute.category,
        "value": attribute.value,
        "comment": attribute.comment,
    }
    unchanged = all(text == harmless(text, limit=1000) for text in shown.values())
    if attribute.in_object or not unchanged or not attribute.value or not attribute.category:
        return []
    return [{"uuid": attribute.uuid, **shown, "to_ids": False, "disable_correlation": True}]


def _lasting_values(
    similar: Similar, told: Disclosed, attribute: QueriedAttribute, settings: Settings
) -> dict[str, tuple[str, ...]]:
    """Return the values of each relation that stay the same when more of the picture's copies are seen."""
    hit, place = similar.hit, first_place(similar.history.sightings)
    event = place.event if place else ""
    address = _address(settings, event)
    values = {
        "verdict": (hit.decision.value,),
        "relation": (hit.relation.value,) if hit.relation else (),
        "evidence": (finding(hit, told),),
        "brand": (told.brand,),
        # Of copies, the one that agrees best changes; equal bytes are the queried picture's own.
        "sha256": (told.sha256 if hit.evidence.same_bytes and not told.brand else "",),
        QUERIED_RELATION: (attribute.uuid,),
        FOUND_RELATION: (place.attribute if place else "",),
        "event": ("" if address else event,),
        "link": (address,),
    }
    room = MAX_ATTRIBUTES - sum(bool(text) for texts in values.values() for text in texts)
    return values | {"cluster": cluster_names(hit, similar.queried_clusters)[:room]}


def _address(settings: Settings, event: str) -> str:
    return f"{settings.misp_url}/events/view/{event}" if settings.misp_url and event else ""


def _object(values: Mapping[str, Iterable[str]], decision: Decision) -> MISPObject:
    """An object with these values of each relation, except empty ones. In a match, its hash and its cluster
    correlate.
    """
    made = MISPObject(
        TEMPLATE, strict=True, standalone=False, misp_objects_template_custom=template_definition()
    )
    for relation, texts in values.items():
        correlates = relation in ("sha256", "cluster") and decision is Decision.MATCH
        for text in filter(None, texts):
            made.add_attribute(relation, value=text, to_ids=False, disable_correlation=not correlates)
    return made
