"""Translates a hit into an `image-similarity` object, made for MISP's pages, its correlation engine and its
tags.

- Only names and hashes that the settings disclose are included.
- Values are the same for the same request, so that MISP recognises an object that it has already.
- Nothing refers to another event, and nothing is marked for intrusion detection systems.
- Only a match correlates.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

from pymisp import MISPObject

from douglas_quaid import Decision, Evidence, Hit, Membership, Relation, Sighting
from douglas_quaid.decision.likelihood import band
from douglas_quaid.decision.sentence import LOOKS_LIKE
from douglas_quaid.records import NotedRegion

from .attributes import OCCURRENCE_PREFIX, is_uuid
from .messages import QueriedAttribute
from .settings import Settings
from .similar import Similar
from .text import harmless

#: Name of the object template, which is bundled until MISP's own collection of templates includes it.
TEMPLATE = "image-similarity"

#: Maximum number of events and of attributes that one object names; `seen-count` tells how many there are.
#: chosen.
MAX_PLACES = 5
#: Maximum number of names of a cluster: the canonical one and its latest former ones. chosen.
MAX_CLUSTER_NAMES = 20

#: Types of the reference to the queried attribute; `same-as` for equal bytes. spec: MISP's relationship
#: types.
_REFERENCES = {Decision.MATCH: "similar", Decision.REVIEW: "related-to", Decision.NO_MATCH: "related-to"}

#: What MISP saves under the type domain; it refuses anything else, such as the address of a page. chosen.
_DOMAIN = re.compile(r"[\w.-]+\.[\w-]{2,}")

#: Relations that a hover shows, in this order; it has no room for more. chosen.
_HOVER = ("seen", "verdict", "score", "relation", "evidence", "brand", "domain", "filename", "event", "link")


@cache
def template_definition() -> dict[str, Any]:
    """Return the object template in the JSON form of misp-objects, which PyMISP accepts unchanged."""
    path = Path(__file__).resolve().parent / "templates" / TEMPLATE / "definition.json"
    return dict(json.loads(path.read_text("utf-8")))


def expansion_object(
    similar: Similar, attribute: QueriedAttribute, settings: Settings, *, note: str = ""
) -> Any:
    """Return the object of an enrichment as JSON, with a reference to the queried attribute.

    `note` is appended to the comment of the object.
    """
    hit = similar.hit
    made = _object(_values(similar, settings), hit.decision)
    made.comment = f"{hit.decision.value} ({hit.confidence:.3f}) with {attribute.name}{note}"
    made.add_reference(attribute.uuid, "same-as" if hit.evidence.same_bytes else _REFERENCES[hit.decision])
    (verdict,) = made.get_attributes_by_relation("verdict")
    verdict.add_tag(name='misp:automation-level="unsupervised"')
    verdict.add_tag(name=f'estimative-language:likelihood-probability="{band(hit.confidence)}"')
    if hit.decision is Decision.REVIEW:
        verdict.add_tag(name='workflow:todo="review"', local=True)  # a local tag stays on this MISP
    return json.loads(made.to_json())


def hover_object(similar: Similar, settings: Settings) -> Any:
    """Return the object of a hover as JSON: fewer attributes, beginning with how often the
    picture was seen.
    """
    values = _values(similar, settings)
    shown = {relation: values[relation][:3] for relation in _HOVER if relation in values}
    return json.loads(_object(shown, similar.hit.decision).to_json())


def queried_attribute(attribute: QueriedAttribute) -> list[dict[str, Any]]:
    """Return the queried attribute as JSON, so that MISP's preview can name it; MISP recognises its own.

    The list is empty for an attribute inside an object, which MISP would not recognise, and for one whose
    texts MISP's pages would change.
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


def sighting_summary(similar: Similar) -> str:
    """Return a summary such as: seen 14 times in 6 events since 2026-03-02."""
    history = similar.history
    if not history.count or history.first_seen is None:
        return (
            "in a collection; no sighting is recorded" if similar.memberships else "no sighting is recorded"
        )
    events = len(set(filter(None, _attributes(history.sightings).values())))
    least = "" if history.complete else "at least "
    times = "once" if history.count == 1 else f"{least}{history.count:,} times"
    where = f" in {least}{events:,} event{'s' if events > 1 else ''}" if events else ""
    if not history.complete:
        return f"seen {times}{where}"
    when = history.first_seen.astimezone(timezone.utc).date().isoformat()
    return f"seen {times}{where}, on {when}" if history.count == 1 else f"seen {times}{where} since {when}"


def _values(similar: Similar, settings: Settings) -> dict[str, tuple[str, ...]]:
    """Return the values of each relation, in the order in which MISP shows them; empty relations
    are absent.
    """
    hit, history = similar.hit, similar.history
    attributes = list(_attributes(history.sightings).items())[: 4 * MAX_PLACES]
    events = tuple(dict.fromkeys(event for _, event in attributes if event))[:MAX_PLACES]
    uuids = tuple(uuid for uuid, event in attributes if not event or event in events)
    # What may be disclosed of one image of a cluster may not of the others, and what may be disclosed of an
    # image in a collection may not of all its sightings.
    own = _disclosed(hit.collections, settings)
    memberships = _disclosed(similar.memberships, settings)
    labels = _page_labels(memberships)
    named = [membership.labels for membership in own]
    named += [sighting.labels for sighting in history.sightings] if settings.disclose.everything else []
    values: dict[str, tuple[str, ...]] = {
        "verdict": (hit.decision.value,),
        "score": (f"{hit.confidence:.3f}",),
        "relation": (hit.relation.value,) if hit.relation else (),
        "evidence": (_evidence(hit, labels) + _common_since(similar.region, settings),),
        "method": _methods(hit.evidence),
        "seen": (sighting_summary(similar),),
        "seen-count": (str(history.count),) if history.count and history.complete else (),
        "first-seen": _moment(history.first_seen if history.complete else None),
        "last-seen": _moment(history.last_seen if history.complete else None),
        "event": events,
        "attribute-uuid": uuids[:MAX_PLACES],
        "brand": _optional(labels.get("brand")),
        "domain": tuple(name for name in _optional(labels.get("domain")) if _DOMAIN.fullmatch(name)),
        "collection": tuple(harmless(membership.name) for membership in memberships),
        "filename": _optional(next((labels["filename"] for labels in named if labels.get("filename")), None)),
        "sha256": (hit.image_id,) if own or settings.disclose.everything else (),
        "cluster": hit.clusters[:MAX_CLUSTER_NAMES],
        "link": tuple(f"{settings.misp_url}/events/view/{event}" for event in events)
        if settings.misp_url
        else (),
    }
    return {relation: found for relation, found in values.items() if found}


def _evidence(hit: Hit, labels: Mapping[str, str]) -> str:
    """The engine's sentence, after the name of the legitimate page if that may be disclosed."""
    if not labels.get("brand") and not labels.get("domain"):
        return harmless(hit.sentence, limit=500)
    owner = labels.get("brand") or labels["domain"]
    domain = f" ({labels['domain']})" if labels.get("brand") and labels.get("domain") else ""
    page = f"the {labels.get('page') or 'page'} of {owner}{domain}"
    measured = hit.sentence.removesuffix(f"; {LOOKS_LIKE}")
    if hit.relation is Relation.LOOKS_LIKE:
        return harmless(f"looks like {page}, but is not a picture of it: {measured}", limit=500)
    return harmless(f"shows {page}: {measured}", limit=500)


def _common_since(region: NotedRegion | None, settings: Settings) -> str:
    """Since when so many pictures show the part that a hit rests on; which ones, only if that may be
    disclosed.
    """
    if region is None:
        return ""
    when = region.since.astimezone(timezone.utc).date().isoformat()
    shown = ", ".join(region.region.shown_by) if settings.disclose.everything else ""
    return f"; common since {when}, in at least {region.region.pictures} pictures" + (
        f", such as {shown}" if shown else ""
    )


def _disclosed(memberships: Iterable[Membership], settings: Settings) -> list[Membership]:
    """Those in collections that may be disclosed."""
    return [membership for membership in memberships if settings.disclose.covers(membership.name)]


def _page_labels(memberships: Iterable[Membership]) -> Mapping[str, str]:
    """The labels of the first collection that has a brand or a domain."""
    for membership in memberships:
        if membership.labels.get("brand") or membership.labels.get("domain"):
            return membership.labels
    return {}


def _methods(evidence: Evidence) -> tuple[str, ...]:
    measured = {
        "bytes": evidence.same_bytes,
        "pixels": evidence.same_pixels,
        "pdq": evidence.pdq_bits is not None,
        "local-features": evidence.inliers is not None,
        "content": evidence.content_agreement is not None,
    }
    return tuple(method for method, used in measured.items() if used)


def _attributes(sightings: Iterable[Sighting]) -> dict[str, str]:
    """The MISP attributes (UUIDs) among the sightings, in their order, each with its event.

    An event is a UUID, or the event's number if only that is known; empty if neither is.
    """
    found: dict[str, str] = {}
    for sighting in sightings:
        uuid = str(sighting.occurrence).removeprefix(OCCURRENCE_PREFIX)
        if is_uuid(uuid):
            found.setdefault(uuid, _event(sighting.labels))
    return found


def _event(labels: Mapping[str, str]) -> str:
    uuid, number = labels.get("event", ""), labels.get("event_id", "")
    return uuid.lower() if is_uuid(uuid) else number if number.isascii() and number.isdigit() else ""


def _moment(moment: datetime | None) -> tuple[str, ...]:
    return () if moment is None else (moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S+00:00"),)


def _optional(text: str | None) -> tuple[str, ...]:
    shown = harmless(text) if text else ""
    return (shown,) if shown else ()


def _object(values: Mapping[str, Iterable[str]], decision: Decision) -> MISPObject:
    """An object with these values of each relation. In a match, its hash and its cluster correlate."""
    made = MISPObject(
        TEMPLATE, strict=True, standalone=False, misp_objects_template_custom=template_definition()
    )
    for relation, texts in values.items():
        correlates = relation in ("sha256", "cluster") and decision is Decision.MATCH
        for text in texts:
            made.add_attribute(relation, value=text, to_ids=False, disable_correlation=not correlates)
    return made
