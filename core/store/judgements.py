"""Recording verdicts on both sides, joining clusters, and vetoes: changes that span shards (see intents.py).

Steps of a verdict: read fences; record the intent; write both sides, each only where that image still has a
record; then, in one script, join or cut the cluster and end the intent. A person's confirmation takes the
same steps; scripts see to it that no score replaces it and that it does nothing against a veto. Steps of a
veto: read fences; in one script record the veto, take back a confirmation, cut what it separates and record
the intent; drop the verdict on both sides; end the intent.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from ..errors import ConfigError, NotFound, UnknownVersion
from ..records import PERSON, ImageId, StoredVerdict, Verdict
from . import verdicts as codec
from .clusters import Clusters
from .connection import Connection
from .intents import ATTEMPTS, Intent, Interrupted, Journal, JudgedPair, gave_up, new_intent_id
from .keys import META, as_text, key, shard
from .scripts import MARK, SIDES, VERDICT_CAP, Command


class RecordOutcome(str, Enum):
    """What became of a verdict."""

    #: Stored on both sides; the two images are in one cluster.
    JOINED = "joined"
    #: Stored on both sides; it does not join.
    STORED = "stored"
    #: Stored on both sides, but not joined: the union would have put a vetoed pair into one cluster.
    APART = "apart"
    #: Not stored: a person said that these two are not the same.
    VETOED = "vetoed"
    #: Not stored: one of the two is no longer in the store.
    ABSENT = "absent"


class Judgements(Clusters):
    """The part of the store that is about verdicts and vetoes."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._journal = Journal(connection)

    def record_verdict(self, image_id: ImageId, other: ImageId, verdict: Verdict) -> RecordOutcome:
        """Store what was concluded about a pair on both sides, `image_id` having been the query; join or cut
        their cluster accordingly.
        """
        return self.record_verdicts(image_id, [(other, verdict)])[0]

    def record_verdicts(
        self, image_id: ImageId, judged: Sequence[tuple[ImageId, Verdict]]
    ) -> list[RecordOutcome]:
        """`record_verdict` for one image and several others, in the same four round trips."""
        if not judged:
            return []
        if image_id in {other for other, _ in judged}:
            raise ConfigError(f"image {image_id} cannot be judged against itself")
        now = datetime.now(timezone.utc)
        pairs = tuple(_pair(other, verdict, now) for other, verdict in judged)
        return self._judge(Intent(new_intent_id(), "judge", image_id, pairs=pairs), recorded=False)

    def partners(self, image_id: ImageId) -> list[ImageId]:
        """Images with a verdict about this one: matches first, the surest first, at most VERDICT_CAP; vetoed
        pairs left out.
        """
        tag = shard(image_id)
        order, vetoes = self.connection.run(
            [
                Command(
                    tag,
                    "ZREVRANGEBYSCORE",
                    key(tag, f"partners:{image_id}"),
                    "+inf",
                    0,
                    "LIMIT",
                    0,
                    VERDICT_CAP,
                ),
                Command(META, "SMEMBERS", key(META, f"vetoes:{image_id}")),
            ]
        )
        return [as_text(other) for other in order if other not in vetoes]

    def verdicts(self, image_id: ImageId, partners: Sequence[ImageId] | None = None) -> list[StoredVerdict]:
        """What was concluded about an image and its partners (default: all of them), in their order."""
        others = self.partners(image_id) if partners is None else partners
        tag = shard(image_id)
        stored = (
            self.connection.ask(Command(tag, "HMGET", key(tag, f"ver:{image_id}"), *others)) if others else []
        )
        return [
            codec.decode(other, found)
            for other, found in zip(others, stored, strict=True)
            if found is not None
        ]

    def verdict_between(self, image_id: ImageId, other: ImageId) -> StoredVerdict | None:
        """What was concluded about a pair, with `image_id` as the query; None when it was never judged, or
        vetoed.
        """
        forward, backward, vetoed = self.connection.run(
            [
                Command(shard(image_id), "HGET", key(shard(image_id), f"ver:{image_id}"), other),
                Command(shard(other), "HGET", key(shard(other), f"ver:{other}"), image_id),
                Command(META, "SISMEMBER", key(META, f"vetoes:{image_id}"), other),
            ]
        )
        if vetoed:
            return None
        if forward is None and backward is not None:  # dropped from a side that was full
            found = codec.decode(other, backward)
            return StoredVerdict(other, codec.reversed_verdict(found.verdict), found.judged)
        return None if forward is None else codec.decode(other, forward)

    def veto(self, image_id: ImageId, other: ImageId) -> tuple[ImageId, ...]:
        """A person says: not the same. Holds until one of the two is forgotten; splits what had joined them,
        through others too.

        Gives the images that left their cluster by it. Raises NotFound when one of the two is not in the
        store.
        """
        if image_id == other:
            raise ConfigError(f"image {image_id} cannot be vetoed against itself")
        intent = Intent(new_intent_id(), "veto", image_id, other)
        for _ in range(ATTEMPTS):
            fences = self._journal.fences((shard(image_id), shard(other), META))
            for i, there in zip((image_id, other), self._present(image_id, other), strict=True):
                if not there:
                    raise NotFound(f"image {i} is not in the store")
            try:
                moved: Any = self._journal.meta(
                    "veto", intent, fences, intent.encode(), secrets.token_hex(16), image_id, other
                )
            except Interrupted:
                continue
            self._finish_veto(intent)
            return tuple(as_text(member) for member in moved)
        raise gave_up(intent)

    def confirm(self, image_id: ImageId, other: ImageId, verdict: Verdict) -> RecordOutcome:
        """A person says: the same. Stored on both sides in place of any score, until a veto or until one of
        the two is forgotten.

        `verdict` has the calibration id PERSON. Raises ConfigError for a vetoed pair, NotFound when one of
        the two is not in the store.
        """
        now = datetime.now(timezone.utc)
        intent = Intent(new_intent_id(), "confirm", image_id, pairs=(_pair(other, verdict, now),))
        outcome = self._judge(intent, recorded=False)[0]
        if outcome is RecordOutcome.VETOED:
            raise ConfigError(
                f"a person said of images {image_id} and {other} that they are not the same, which holds for good; nothing was changed"
            )
        if outcome is RecordOutcome.ABSENT:
            raise NotFound(f"image {image_id} or {other} is not in the store")
        return outcome

    def confirmed(self, image_id: ImageId) -> list[StoredVerdict]:
        """What persons confirmed of this image."""
        others = sorted(
            as_text(other)
            for other in self.connection.ask(Command(META, "HKEYS", key(META, f"confirmed:{image_id}")))
        )
        return (
            [found for found in self.verdicts(image_id, others) if found.verdict.calibration_id == PERSON]
            if others
            else []
        )

    def is_linked(self, image_id: ImageId) -> bool:
        """Whether the image was linked, and lost no connection by a forget since."""
        tag = shard(image_id)
        linked, waiting = self.connection.run(
            [
                Command(tag, "HEXISTS", key(tag, f"img:{image_id}"), "linked"),
                Command(META, "SISMEMBER", key(META, "relink"), image_id),
            ]
        )
        return bool(linked) and not waiting

    def mark_linked(self, image_id: ImageId) -> None:
        """Say that the image was linked; nothing happens when it was forgotten meanwhile."""
        self.connection.run(
            [
                MARK(shard(image_id), image_id, "linked", int(time.time())),
                Command(META, "SREM", key(META, "relink"), image_id),
            ]
        )

    def await_link(self, image_id: ImageId) -> None:
        """Say that a linked image is to be linked again."""
        self.connection.ask(Command(META, "SADD", key(META, "relink"), image_id))

    def waiting_for_link(self) -> list[ImageId]:
        """Images to be linked again: they lost a connection when another was forgotten, or became a page that
        others may look like.
        """
        return sorted(
            as_text(member) for member in self.connection.ask(Command(META, "SMEMBERS", key(META, "relink")))
        )

    def _finish(self, intent: Intent) -> None:
        """Do what an intent that was found still asks for."""
        if intent.kind in ("judge", "confirm"):
            self._judge(intent, recorded=True)
        elif intent.kind == "veto":
            self._finish_veto(intent)
        else:
            raise UnknownVersion(
                f"the store holds an unfinished {intent.kind!r}, which this program does not know; use a newer douglas-quaid"
            )

    def _present(self, *ids: ImageId) -> list[bool]:
        return [
            bool(n)
            for n in self.connection.run(
                [Command(shard(i), "EXISTS", key(shard(i), f"img:{i}")) for i in ids]
            )
        ]

    def _judge(self, intent: Intent, *, recorded: bool) -> list[RecordOutcome]:
        image_id = intent.image_id
        for _ in range(ATTEMPTS):
            fences = self._journal.fences(
                [META, shard(image_id), *(shard(pair.other) for pair in intent.pairs)]
            )
            if recorded and not self._journal.stands(intent):
                return []
            try:
                if not recorded:
                    self._journal.record(intent, fences)
                    recorded = True
                return self._judge_once(intent, fences)
            except Interrupted:
                continue
        raise gave_up(intent)

    def _judge_once(self, intent: Intent, fences: dict[str, bytes]) -> list[RecordOutcome]:
        image_id = intent.image_id
        vetoes = self._vetoes(image_id)
        outcomes = {pair.other: RecordOutcome.VETOED for pair in intent.pairs}
        allowed = [pair for pair in intent.pairs if pair.other not in vetoes]
        for pair, there in zip(allowed, self._write_sides(image_id, allowed, fences), strict=True):
            outcomes[pair.other] = RecordOutcome.STORED if there else RecordOutcome.ABSENT
        undone = [pair for pair in allowed if outcomes[pair.other] is RecordOutcome.ABSENT]
        self._drop_sides(image_id, [pair.other for pair in undone], fences)
        kept = [pair for pair in allowed if pair not in undone]
        arguments = [
            item
            for pair in kept
            for item in (image_id, pair.other, "1" if pair.joins else "0", repr(pair.confidence))
        ]
        answers: Any = self._journal.meta(intent.kind, intent, fences, secrets.token_hex(16), *arguments)
        if answers == b"gone":  # somebody who opened the store meanwhile finished it for us
            mine, *theirs = self.cluster_ids([image_id, *(pair.other for pair in kept)])
            answers = [
                b"stored" if not pair.joins else b"joined" if mine and mine == its else b"apart"
                for pair, its in zip(kept, theirs, strict=True)
            ]
        for pair, answer in zip(kept, answers, strict=True):
            outcomes[pair.other] = RecordOutcome(as_text(answer))
        vetoed_meanwhile = [pair.other for pair in kept if outcomes[pair.other] is RecordOutcome.VETOED]
        self._drop_sides(image_id, vetoed_meanwhile, fences)
        return [outcomes[pair.other] for pair in intent.pairs]

    def _write_sides(
        self, image_id: ImageId, pairs: Sequence[JudgedPair], fences: dict[str, bytes]
    ) -> list[bool]:
        """Write each verdict on both sides; says for each pair whether both images were there."""
        own = [("write", image_id, pair.other, pair.forward, repr(pair.rank)) for pair in pairs]
        others = [("write", pair.other, image_id, pair.backward, repr(pair.rank)) for pair in pairs]
        answers = self._sides([*own, *others], fences)
        return [
            b"absent" not in (mine, theirs)
            for mine, theirs in zip(answers[: len(pairs)], answers[len(pairs) :], strict=True)
        ]

    def _drop_sides(self, image_id: ImageId, others: Sequence[ImageId], fences: dict[str, bytes]) -> None:
        self._sides(
            [("drop", a, b, b"", "") for other in others for a, b in ((image_id, other), (other, image_id))],
            fences,
        )

    def _sides(
        self, items: Sequence[tuple[str, ImageId, ImageId, bytes, str]], fences: dict[str, bytes]
    ) -> list[bytes]:
        """Run sides.lua once on every shard that the items touch. Raises Interrupted when a fence has moved."""
        by_shard: dict[str, list[int]] = {}
        for position, item in enumerate(items):
            by_shard.setdefault(shard(item[1]), []).append(position)
        commands = [
            SIDES(tag, fences[tag], *(part for n in positions for part in items[n]))
            for tag, positions in by_shard.items()
        ]
        answers = [b""] * len(items)
        for positions, found in zip(by_shard.values(), self.connection.run(commands), strict=True):
            self._journal.unmoved(found)
            for position, answer in zip(positions, found, strict=True):
                answers[position] = answer
        return answers

    def _finish_veto(self, intent: Intent) -> None:
        for _ in range(ATTEMPTS):
            fences = self._journal.fences((shard(intent.image_id), shard(intent.other), META))
            if not self._journal.stands(intent):
                return
            try:
                self._drop_sides(intent.image_id, [intent.other], fences)
                self._journal.end(intent, fences)
                return
            except Interrupted:
                continue
        raise gave_up(intent)


def _pair(other: ImageId, verdict: Verdict, now: datetime) -> JudgedPair:
    return JudgedPair(
        other=other,
        joins=codec.joins(verdict),
        confidence=verdict.confidence,
        rank=codec.rank(verdict),
        forward=codec.encode(verdict, now),
        backward=codec.encode(codec.reversed_verdict(verdict), now),
    )
