"""What the engine answers: values for Python, and the JSON lines of the command line.

Field names and their meaning are a contract; later versions only add.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from .listed import ListedHit, timestamp as timestamp
from .records import (
    Box,
    Cluster,
    Contribution,
    Decision,
    Evidence,
    ImageId,
    ImageInfo,
    Membership,
    Reason,
    Relation,
    Sighting,
    StoreStats,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class AddResult:
    """What became of a picture that was added."""

    #: Its id.
    image_id: ImageId
    #: added: new; updated: known, with a new occurrence, label or membership; known: nothing new.
    status: str
    #: Whether it shows enough to be recognised.
    informative: bool
    #: Its cluster; None for an image that is blank or was not linked.
    cluster: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the result as in a line of the command line."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Hit:
    """One image that the query may show: the best member of its cluster unless all were asked for."""

    #: The image.
    image_id: ImageId
    #: The answer about it.
    decision: Decision
    #: How it belongs to the query; None for a no-match that shares no layout.
    relation: Relation | None
    #: Probability that both show the same source picture, 0 to 1.
    confidence: float
    #: The evidence in words.
    sentence: str
    #: What was measured.
    evidence: Evidence
    #: Canonical id of its cluster, then the aliases; empty for an image that is blank, not linked or not in
    #: the store.
    clusters: tuple[str, ...]
    #: Where it was seen: at most 20, latest first.
    occurrences: tuple[str, ...]
    #: Number of all occurrences.
    occurrence_count: int
    #: First time it was seen (UTC); None for a picture that is not in the store.
    first_seen: datetime | None
    #: Last time it was seen (UTC); None for a picture that is not in the store.
    last_seen: datetime | None
    #: Collections that hold it.
    collections: tuple[Membership, ...]
    #: Labels of the occurrences, in their order.
    labels: tuple[Mapping[str, str], ...]
    #: Why the answer is what it is, the most important first.
    reasons: tuple[Reason, ...] = ()
    #: What each predictor adds to the log odds of the confidence.
    contributions: tuple[Contribution, ...] = ()
    #: What the store holds of the image and is broken, so that it is missing here.
    problems: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        verdict: Verdict,
        image_id: ImageId,
        info: ImageInfo | None,
        contributions: tuple[Contribution, ...],
    ) -> Hit:
        """Return the hit of a verdict about an image; `info` is None for one that is not in the store."""
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
            reasons=verdict.reasons,
            contributions=contributions,
            problems=() if info is None else info.problems,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the hit as in a line of the command line."""
        return {
            "image_id": self.image_id,
            "decision": self.decision.value,
            "relation": None if self.relation is None else self.relation.value,
            "confidence": round(self.confidence, 6),
            "sentence": self.sentence,
            "reasons": [reason.value for reason in self.reasons],
            "evidence": evidence_json(self.evidence),
            "contributions": [contribution_json(contribution) for contribution in self.contributions],
            "differences": [asdict(difference) for difference in self.evidence.differences or ()],
            "clusters": list(self.clusters),
            "occurrences": list(self.occurrences),
            "occurrence_labels": [dict(labels) for labels in self.labels],
            "occurrence_count": self.occurrence_count,
            "first_seen": timestamp(self.first_seen),
            "last_seen": timestamp(self.last_seen),
            "collections": memberships_json(self.collections),
            "problems": list(self.problems),
        }


@dataclass(frozen=True, slots=True)
class History:
    """Where the picture of a hit was seen: its image and the other images of its cluster."""

    #: Number of occurrences; the minimum where not `complete`.
    count: int
    #: First time at any of them (UTC).
    first_seen: datetime | None
    #: Last time at any of them (UTC).
    last_seen: datetime | None
    #: Those of the hit's own image first, then the latest first; of an image at most the latest 20 and the
    #: oldest.
    sightings: tuple[Sighting, ...]
    #: Collections that hold any of these images.
    memberships: tuple[Membership, ...]
    #: Whether `sightings` are all there are.
    complete: bool


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The answer to a query."""

    #: Id of the query image.
    image_id: ImageId
    #: The strongest decision about any image.
    decision: Decision
    #: Whether the query shows enough to be recognised.
    informative: bool
    #: The hits by falling confidence.
    hits: tuple[Hit, ...]
    #: Number of images in the index.
    images_searched: int
    #: False when a deadline or the limit of a search's work cut it short, or something in the store is broken
    #: and was left out.
    complete: bool
    #: Seconds that it took.
    seconds: float
    #: Format of the file.
    format: str
    #: Number of frames or pages in the file.
    frames: int
    #: Index of the frame that was judged, from 0.
    frame: int
    #: Whether the file is cut short: it was judged as far as it goes.
    truncated: bool
    #: What is broken in the store and was left out of the search or the answer, each with its remedy.
    problems: tuple[str, ...] = ()
    #: Entries of hash lists that are near the query, the nearest first.
    listed: tuple[ListedHit, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the answer as in a line of the command line."""
        return {
            "image_id": self.image_id,
            "decision": self.decision.value,
            "informative": self.informative,
            "hits": [hit.to_json() for hit in self.hits],
            "listed": [entry.to_json() for entry in self.listed],
            "images_searched": self.images_searched,
            "complete": self.complete,
            "seconds": round(self.seconds, 4),
            "format": self.format,
            "frames": self.frames,
            "frame": self.frame,
            "truncated": self.truncated,
            "problems": list(self.problems),
        }


@dataclass(frozen=True, slots=True)
class EngineStats:
    """The store and this process's index in numbers."""

    #: The store.
    store: StoreStats
    #: Number of images in the index.
    images_searchable: int
    #: Memory of this process's copy of the hashes, in bytes.
    hash_index_bytes: int
    #: Memory of this process's index of visual words, in bytes.
    word_index_bytes: int
    #: Id of the calibration in use.
    calibration_id: str

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as in a line of the command line."""
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "store"}
        return {field.name: getattr(self.store, field.name) for field in fields(StoreStats)} | own


@dataclass(frozen=True, slots=True)
class Chain:
    """Two clusters, of one image or more, that matches of whole pictures connect and that were not joined."""

    #: Cluster of the first image; the image itself if it was never linked.
    cluster_a: str
    #: Cluster of the second image; the image itself if it was never linked.
    cluster_b: str
    #: Number of pairs that match.
    pairs: int
    #: One image of such a pair.
    a: ImageId
    #: The other image of it.
    b: ImageId

    def to_json(self) -> dict[str, Any]:
        """Return the chain as in a line of the command line."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Hub:
    """A part or a cluster that is found in a large share of all pictures."""

    #: common-region or cluster.
    kind: str
    #: Id of an image that shows the region, or of the cluster.
    id: str
    #: Minimum number of different pictures that show the region; or number of images in the cluster.
    pictures: int
    #: Share of all pictures there were when it was met, 0 to 1.
    share: float
    #: Where the region lies in that image: left, top, right, bottom, 0 to 1; None for a cluster.
    region: Box | None
    #: When linking met the region last; None for a cluster.
    met: datetime | None
    #: When linking met the region first, which is when it had become common; None for a cluster.
    since: datetime | None
    #: A few images that were verified to show the region; empty for a cluster.
    shown_by: tuple[ImageId, ...]
    #: When the first and the last of these images came; None for a cluster.
    first_shown: datetime | None
    #: See `first_shown`.
    last_shown: datetime | None
    #: Whether the image, or one of the cluster, is in a collection of purpose `ignore`.
    ignored: bool
    #: A few occurrences.
    occurrences: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the hub as in a line of the command line."""
        return {
            "kind": self.kind,
            "id": self.id,
            "pictures": self.pictures,
            "share": round(self.share, 4),
            "region": None if self.region is None else list(self.region),
            "met": timestamp(self.met),
            "since": timestamp(self.since),
            "shown_by": list(self.shown_by),
            "first_shown": timestamp(self.first_shown),
            "last_shown": timestamp(self.last_shown),
            "ignored": self.ignored,
            "occurrences": list(self.occurrences),
        }


def contribution_json(contribution: Contribution) -> dict[str, Any]:
    """Return a contribution as in a line of the command line: four digits of each number."""
    value = contribution.value
    return {
        "predictor": contribution.predictor,
        "value": None if value is None else round(value, 4),
        "weight": round(contribution.weight, 4),
    }


def cluster_json(cluster: Cluster) -> dict[str, Any]:
    """Return a cluster as in a line of the command line."""
    return {
        "cluster": cluster.cluster_id,
        "aliases": list(cluster.aliases),
        "members": list(cluster.members),
        "representatives": list(cluster.representatives),
    }


def memberships_json(memberships: Iterable[Membership]) -> list[dict[str, Any]]:
    """Return collections and labels as in a line of the command line."""
    return [{"name": membership.name, "labels": dict(membership.labels)} for membership in memberships]


def evidence_json(evidence: Evidence) -> dict[str, Any]:
    """Return evidence with shares rounded to four digits; null means not measured. Its differences are a
    field of the hit.
    """
    line = {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in asdict(evidence).items()
        if name != "differences"
    }
    line["configuration"] = evidence.configuration.value
    line["matrix"] = None if evidence.matrix is None else [round(value, 6) for value in evidence.matrix]
    return line
