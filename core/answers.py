"""What the engine answers: values for Python, and the JSON lines of the command line.

Field names and their meaning are a contract; later versions only add.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Any

from .records import (
    Cluster,
    Decision,
    Evidence,
    ImageFeatures,
    ImageId,
    ImageInfo,
    Membership,
    Relation,
    Sighting,
    Verdict,
)
from .store import StoreStats


@dataclass(frozen=True, slots=True)
class AddResult:
    image_id: ImageId
    #: added: new; updated: known, with a new occurrence, label or membership; known: nothing new.
    status: str
    informative: bool
    cluster: str | None

    def to_json(self) -> dict[str, Any]:
        return {
            "image_id": self.image_id,
            "status": self.status,
            "informative": self.informative,
            "cluster": self.cluster,
        }


@dataclass(frozen=True, slots=True)
class Hit:
    """One image that the question may be about, best member of its cluster unless all were asked for."""

    image_id: ImageId
    decision: Decision
    relation: Relation | None
    confidence: float
    sentence: str
    evidence: Evidence
    clusters: tuple[str, ...]
    #: At most 20, latest first.
    occurrences: tuple[str, ...]
    occurrence_count: int
    first_seen: datetime | None
    last_seen: datetime | None
    collections: tuple[Membership, ...]
    #: Labels of the occurrences, in their order.
    labels: tuple[Mapping[str, str], ...]

    @classmethod
    def of(cls, verdict: Verdict, image_id: ImageId, info: ImageInfo | None) -> Hit:
        sightings = () if info is None else info.sightings
        return cls(
            image_id=image_id,
            decision=verdict.decision,
            relation=verdict.relation,
            confidence=verdict.confidence,
            sentence=verdict.sentence,
            evidence=verdict.evidence,
            clusters=() if info is None else info.clusters,
            occurrences=tuple(str(sighting.occurrence) for sighting in sightings),
            occurrence_count=0 if info is None else info.occurrence_count,
            first_seen=None if info is None else info.first_seen,
            last_seen=None if info is None else info.last_seen,
            collections=() if info is None else info.memberships,
            labels=tuple(sighting.labels for sighting in sightings),
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "image_id": self.image_id,
            "decision": self.decision.value,
            "relation": None if self.relation is None else self.relation.value,
            "confidence": round(self.confidence, 6),
            "sentence": self.sentence,
            "evidence": evidence_json(self.evidence),
            "clusters": list(self.clusters),
            "occurrences": list(self.occurrences),
            "occurrence_labels": [dict(labels) for labels in self.labels],
            "occurrence_count": self.occurrence_count,
            "first_seen": timestamp(self.first_seen),
            "last_seen": timestamp(self.last_seen),
            "collections": memberships_json(self.collections),
        }


@dataclass(frozen=True, slots=True)
class History:
    """Where the picture of a hit was seen: at the places of its image and of the other images of its cluster."""

    #: Occurrences; the least number of them when not `complete`.
    count: int
    first_seen: datetime | None
    last_seen: datetime | None
    #: Those of the hit's own image first, then the latest first; at most 20 of an image.
    sightings: tuple[Sighting, ...]
    #: Collections that any of these images is in.
    memberships: tuple[Membership, ...]
    #: Whether `sightings` are all there are.
    complete: bool


@dataclass(frozen=True, slots=True)
class QueryResult:
    image_id: ImageId
    decision: Decision
    informative: bool
    #: By falling confidence.
    hits: tuple[Hit, ...]
    images_searched: int
    #: False when a deadline cut the work.
    complete: bool
    seconds: float
    format: str
    #: Frames in the file; the first was judged.
    frames: int

    def to_json(self) -> dict[str, Any]:
        return {
            "image_id": self.image_id,
            "decision": self.decision.value,
            "informative": self.informative,
            "hits": [hit.to_json() for hit in self.hits],
            "images_searched": self.images_searched,
            "complete": self.complete,
            "seconds": round(self.seconds, 4),
            "format": self.format,
            "frames": self.frames,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """All that is known about one image."""

    features: ImageFeatures
    info: ImageInfo
    record_bytes: int

    def to_json(self) -> dict[str, Any]:
        features, info = self.features, self.info
        hashes = features.hashes
        return {
            "image_id": info.image_id,
            "width": features.width,
            "height": features.height,
            "format": features.format,
            "frames": features.frames,
            "informative": features.informative,
            "clusters": list(info.clusters),
            "occurrences": [
                {
                    "occurrence": str(seen.occurrence),
                    "labels": dict(seen.labels),
                    "first_seen": timestamp(seen.first_seen),
                    "last_seen": timestamp(seen.last_seen),
                }
                for seen in info.sightings
            ],
            "occurrence_count": info.occurrence_count,
            "first_seen": timestamp(info.first_seen),
            "last_seen": timestamp(info.last_seen),
            "collections": memberships_json(info.memberships),
            "pixel_digest": features.pixel_digest.hex(),
            "pdq": hashes.pdq.hex(),
            "pdq_quality": hashes.pdq_quality,
            "ahash": hashes.ahash.hex(),
            "phash": hashes.phash.hex(),
            "dhash": hashes.dhash.hex(),
            "whash": None if hashes.whash is None else hashes.whash.hex(),
            "tlsh": features.tlsh,
            "keypoints": len(features.local),
            "thumbnail_bytes": 0 if features.thumbnail is None else len(features.thumbnail),
            "record_bytes": self.record_bytes,
        }


@dataclass(frozen=True, slots=True)
class EngineStats:
    store: StoreStats
    images_searchable: int
    #: Memory of this process's copy of the hashes; the next, of what finds parts.
    hash_index_bytes: int
    word_index_bytes: int
    calibration_id: str

    def to_json(self) -> dict[str, Any]:
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "store"}
        return {field.name: getattr(self.store, field.name) for field in fields(StoreStats)} | own


def cluster_json(cluster: Cluster) -> dict[str, Any]:
    return {"cluster": cluster.cluster_id, "aliases": list(cluster.aliases), "members": list(cluster.members)}


def memberships_json(memberships: Iterable[Membership]) -> list[dict[str, Any]]:
    return [{"name": membership.name, "labels": dict(membership.labels)} for membership in memberships]


def evidence_json(evidence: Evidence) -> dict[str, Any]:
    """Evidence with shares rounded to four digits; keys whose value is None were not measured."""
    line: dict[str, Any] = {}
    for field in fields(Evidence):
        value = getattr(evidence, field.name)
        line[field.name] = round(value, 4) if isinstance(value, float) else value
    line["configuration"] = evidence.configuration.value
    line["matrix"] = None if evidence.matrix is None else [round(value, 6) for value in evidence.matrix]
    return line


def timestamp(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, to the second: 2026-11-22T14:30:00Z."""
    return None if moment is None else moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
