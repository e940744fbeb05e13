"""Answers from lines: the reverse of `to_json` in answers.py. What a newer service adds is left out; what is
missing or of another type raises FormatError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

from ..answers import AddResult, Chain, EngineStats, History, Hit, Hub, QueryResult
from ..errors import FormatError
from ..listed import ListedHit
from ..records import (
    Cluster,
    Collection,
    CommonRegion,
    Contribution,
    Decision,
    Evidence,
    Judgement,
    JudgementWord,
    Likeness,
    Membership,
    NotedRegion,
    Occurrence,
    Purpose,
    Reason,
    Relation,
    Seen,
    Sighting,
    StoreStats,
)
from ..reviews import Review, Reviews
from ..strict_json import from_object

Read = TypeVar("Read")
#: A JSON object.
Line = Mapping[str, Any]


def _checked(read: Callable[[Line], Read]) -> Callable[[Line], Read]:
    """Raise FormatError for a line that does not fit."""

    @wraps(read)
    def run(line: Line) -> Read:
        try:
            return read(line)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormatError(
                f"the answer of the service cannot be read ({type(error).__name__}: {error});"
                " it may be of another version"
            ) from None

    return run


def moment(text: str | None) -> datetime | None:
    """Return the time that `timestamp` of listed.py wrote. Raises ValueError."""
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))


def _known(text: str) -> datetime:
    """A time that is never null."""
    found = moment(text)
    if found is None:
        raise ValueError("a time is missing")
    return found


@_checked
def read_added(line: Line) -> AddResult:
    """Return what became of a picture that was added."""
    return AddResult(line["image_id"], line["status"], line["informative"], line["cluster"])


@_checked
def read_query(line: Line) -> QueryResult:
    """Return the answer to a query."""
    return QueryResult(
        image_id=line["image_id"],
        decision=Decision(line["decision"]),
        informative=line["informative"],
        hits=tuple(read_hit(hit) for hit in line["hits"]),
        images_searched=line["images_searched"],
        complete=line["complete"],
        seconds=line["seconds"],
        format=line["format"],
        frames=line["frames"],
        frame=line["frame"],
        truncated=line["truncated"],
        problems=tuple(line["problems"]),
        listed=tuple(read_listed(entry) for entry in line["listed"]),
    )


@_checked
def read_listed(line: Line) -> ListedHit:
    """Return an entry of a hash list."""
    return ListedHit(
        list=line["list"],
        entry_id=line["entry_id"],
        collection=line["collection"],
        tlp=line["tlp"],
        decision=Decision(line["decision"]),
        by=line["by"],
        pdq_bits=line["pdq_bits"],
        sentence=line["sentence"],
        labels=line["labels"],
        first_seen=moment(line["first_seen"]),
        last_seen=moment(line["last_seen"]),
    )


@_checked
def read_hit(line: Line) -> Hit:
    """Return a hit."""
    relation = line["relation"]
    return Hit(
        image_id=line["image_id"],
        decision=Decision(line["decision"]),
        relation=None if relation is None else Relation(relation),
        confidence=line["confidence"],
        sentence=line["sentence"],
        evidence=_evidence(line),
        clusters=tuple(line["clusters"]),
        occurrences=tuple(line["occurrences"]),
        occurrence_count=line["occurrence_count"],
        first_seen=moment(line["first_seen"]),
        last_seen=moment(line["last_seen"]),
        collections=_memberships(line),
        labels=tuple(dict(labels) for labels in line["occurrence_labels"]),
        reasons=tuple(Reason(reason) for reason in line["reasons"]),
        contributions=tuple(
            Contribution(one["predictor"], one["value"], one["weight"]) for one in line["contributions"]
        ),
        problems=tuple(line["problems"]),
    )


def _evidence(line: Line) -> Evidence:
    known = {field.name for field in fields(Evidence)}
    told = {name: value for name, value in line["evidence"].items() if name in known}
    if told.get("likeness") is not None:
        held = {field.name for field in fields(Likeness)}
        told["likeness"] = {name: value for name, value in told["likeness"].items() if name in held}
    return from_object(Evidence, told | {"differences": line["differences"]})


@_checked
def read_cluster(line: Line) -> Cluster:
    """Return a cluster."""
    return Cluster(
        line["cluster"], tuple(line["aliases"]), tuple(line["members"]), tuple(line["representatives"])
    )


@_checked
def read_judgement(line: Line) -> Judgement:
    """Return a judgement."""
    return Judgement(
        line.get("image_id", ""),
        JudgementWord(line["word"]),
        line["who"],
        _known(line["when"]),
        line["source"],
    )


@_checked
def read_collection(line: Line) -> Collection:
    """Return a collection."""
    return Collection(line["name"], Purpose(line["purpose"]), _known(line["created"]))


@_checked
def read_hub(line: Line) -> Hub:
    """Return a common region or a large cluster."""
    region = line["region"]
    return Hub(
        kind=line["kind"],
        id=line["id"],
        pictures=line["pictures"],
        share=line["share"],
        region=None if region is None else (region[0], region[1], region[2], region[3]),
        met=moment(line["met"]),
        since=moment(line["since"]),
        shown_by=tuple(line["shown_by"]),
        first_shown=moment(line["first_shown"]),
        last_shown=moment(line["last_shown"]),
        ignored=line["ignored"],
        occurrences=tuple(line["occurrences"]),
    )


@_checked
def read_chain(line: Line) -> Chain:
    """Return a chain."""
    return Chain(line["cluster_a"], line["cluster_b"], line["pairs"], line["a"], line["b"])


@_checked
def read_sightings(line: Line) -> tuple[Seen, ...]:
    """Return the images seen at an occurrence."""
    return tuple(Seen(one["image_id"], _sighting(one), one["linked"]) for one in line["images"])


@_checked
def read_history(line: Line) -> History:
    """Return where a picture was seen."""
    return History(
        count=line["count"],
        first_seen=moment(line["first_seen"]),
        last_seen=moment(line["last_seen"]),
        sightings=tuple(map(_sighting, line["sightings"])),
        memberships=_memberships(line),
        complete=line["complete"],
    )


@_checked
def read_noted(line: Line) -> NotedRegion | None:
    """Return what is noted about a common region; None for nothing."""
    noted = line["noted"]
    if noted is None:
        return None
    left, top, right, bottom = noted["region"]
    shown_by = tuple(noted["shown_by"])
    region = CommonRegion(
        noted["image_id"], (left, top, right, bottom), noted["pictures"], noted["images"], shown_by=shown_by
    )
    return NotedRegion(region, _known(noted["met"]), _known(noted["since"]))


@_checked
def read_reviews(line: Line) -> Reviews:
    """Return pairs that a person should look at."""
    pairs = (Review(one["a"], read_hit(one), _known(one["judged"])) for one in line["reviews"])
    return Reviews(tuple(pairs), line["next"])


def _sighting(line: Line) -> Sighting:
    return Sighting(
        Occurrence.parse(line["occurrence"]),
        dict(line["labels"]),
        _known(line["first_seen"]),
        _known(line["last_seen"]),
    )


def _memberships(line: Line) -> tuple[Membership, ...]:
    return tuple(Membership(one["name"], dict(one["labels"])) for one in line["collections"])


@_checked
def read_stats(line: Line) -> EngineStats:
    """Return store and index in numbers."""
    store = StoreStats(**{field.name: line[field.name] for field in fields(StoreStats)})
    own = {field.name: line[field.name] for field in fields(EngineStats) if field.name != "store"}
    return EngineStats(store=store, **own)
