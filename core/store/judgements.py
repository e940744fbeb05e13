"""Verdicts, which scores give, and judgements, which persons give: both kept for each pair, on both sides.

A judgement lies beside the verdict and outranks it where both are read: taken back, it leaves the verdict as
it was. It is one script under `meta`, which also joins or splits the clusters.

A verdict spans shards (see intents.py). Its steps: read fences; record the intent; write both sides, each
only where that image still has a record; then, in one script, join or cut the cluster as the person's word
says, else as the verdict does, and end the intent.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from ..errors import ConfigError, NotFound
from ..records import ImageId, Judgement, JudgementWord, StoredVerdict, Verdict
from . import verdicts as codec
from .clusters import Clusters
from .connection import Connection
from .intents import ATTEMPTS, Intent, Interrupted, Journal, JudgedPair, gave_up
from .keys import META, as_text, key, shard
from .scripts import MARK, SIDES, VERDICT_CAP, Command
from .times import checked_time

#: Words of a person that make a pair a no-match.
KEEPS_APART = (JudgementWord.DIFFERENT, JudgementWord.SAME_DESIGN)
#: Longest name of who judged, and of where it came from. chosen.
NAME_CHARACTERS = 200


class RecordOutcome(str, Enum):
    """What became of a verdict."""

    #: Stored on both sides; the two images are in one cluster.
    JOINED = "joined"
    #: Stored on both sides; it does not join.
    STORED = "stored"
    #: Stored on both sides, but not joined: the union would put two images into one cluster that a person's
    #: word keeps apart.
    APART = "apart"
    #: Stored on both sides, but neither shown nor joined: a person's word keeps the two images apart.
    VETOED = "vetoed"
    #: Not stored: one of the two is no longer in the store.
    ABSENT = "absent"


class Judgements(Clusters):
    """The part of the store that is about verdicts and judgements."""

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
        return self._record(Intent(secrets.token_hex(16), image_id, pairs), recorded=False)

    def partners(self, image_id: ImageId) -> list[ImageId]:
        """Images that are hits of this one: those that a person called the same or a part first, then by
        score, matches first, the surest first, at most VERDICT_CAP; pairs that a person keeps apart left out.
        """
        tag = shard(image_id)
        by_score, judged = self.connection.run(
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
                _judged(image_id),
            ]
        )
        said = _said(judged)
        confirmed = sorted((other for other, (_, verdict) in said.items() if verdict), reverse=True)
        outranked = {other for other, (one, _) in said.items() if one.word is not JudgementWord.UNSURE}
        return [*confirmed, *(other for other in map(as_text, by_score) if other not in outranked)]

    def verdicts(self, image_id: ImageId, partners: Sequence[ImageId] | None = None) -> list[StoredVerdict]:
        """What was concluded about an image and its partners (default: all of them), in their order: what a
        person said, else what the score says; nothing about a pair that a person keeps apart.
        """
        others = self.partners(image_id) if partners is None else partners
        if not others:
            return []
        tag = shard(image_id)
        scored, judged = self.connection.run(
            [
                Command(tag, "HMGET", key(tag, f"ver:{image_id}"), *others),
                Command(META, "HMGET", key(META, f"judged:{image_id}"), *others),
            ]
        )
        found = [
            _outranked(other, None if data is None else codec.decode(other, data), said)
            for other, data, said in zip(others, scored, judged, strict=True)
        ]
        return [verdict for verdict in found if verdict]

    def verdict_between(self, image_id: ImageId, other: ImageId) -> StoredVerdict | None:
        """What was concluded about a pair, with `image_id` as the query; None when it was never judged, or
        when a person keeps the two apart.
        """
        forward, backward, judged = self.connection.run(
            [
                Command(shard(image_id), "HGET", key(shard(image_id), f"ver:{image_id}"), other),
                Command(shard(other), "HGET", key(shard(other), f"ver:{other}"), image_id),
                Command(META, "HGET", key(META, f"judged:{image_id}"), other),
            ]
        )
        scored = None if forward is None else codec.decode(other, forward)
        if scored is None and backward is not None:  # dropped from a side that was full
            found = codec.decode(other, backward)
            scored = StoredVerdict(other, codec.reversed_verdict(found.verdict), found.judged)
        return _outranked(other, scored, judged)

    def judge(
        self,
        image_id: ImageId,
        other: ImageId,
        word: JudgementWord,
        *,
        who: str,
        source: str,
        when: datetime | None = None,
        verdict: Verdict | None = None,
    ) -> RecordOutcome:
        """Keep what a person says of two images; their clusters follow at once, and no score changes it until
        it is taken back (`undo_judgement`) or one of the two is forgotten.

        `same` and `part` need the `verdict` they stand for, with `image_id` as the query and the calibration
        id PERSON; the others have none. A later word replaces an earlier one, but `different` and
        `same-design` yield only to each other. Returns JOINED or APART for `same`, STORED for `part`, VETOED
        for `different` and `same-design`, and for `unsure` what the score comes to. Raises ConfigError for
        one image twice, for a pair that is kept apart by an earlier word and for values that do not fit;
        NotFound when one of the two is not in the store.
        """
        if image_id == other:
            raise ConfigError(f"image {image_id} cannot be judged against itself")
        if (verdict is not None) != (word in (JudgementWord.SAME, JudgementWord.PART)):
            raise ConfigError(
                f"judgement {word.value!r} {'needs the verdict it stands for' if verdict is None else 'takes no verdict'}"
            )
        for name, text in (("who", who), ("source", source)):
            if len(text) > NAME_CHARACTERS:
                raise ConfigError(
                    f"judgement: {name} has {len(text)} characters; at most {NAME_CHARACTERS} are kept"
                )
        moment = checked_time(when)
        mine = codec.encode_judgement(Judgement(other, word, who, moment, source), verdict)
        backward = None if verdict is None else codec.reversed_verdict(verdict)
        theirs = codec.encode_judgement(Judgement(image_id, word, who, moment, source), backward)
        for _ in range(ATTEMPTS):
            fences = self._journal.fences([META])
            for i, there in zip((image_id, other), self._present(image_id, other), strict=True):
                if not there:
                    raise NotFound(f"image {i} is not in the store")
            try:
                answer: Any = self._journal.meta(
                    "judge", fences, secrets.token_hex(16), image_id, other, mine, theirs
                )
            except Interrupted:
                continue
            if answer == b"refused":
                raise ConfigError(
                    f"a person said that images {image_id} and {other} are not the same; nothing was changed; to take that back: quaid undo {image_id} {other}"
                )
            return RecordOutcome(as_text(answer))
        raise gave_up("judgement about", image_id)

    def undo_judgement(self, image_id: ImageId, other: ImageId) -> Judgement:
        """Take back what a person said of two images: hits and clusters are as the scores alone have them.

        Returns what was taken back. Raises NotFound when nobody had said anything.
        """
        for _ in range(ATTEMPTS):
            fences = self._journal.fences([META])
            said = self.connection.ask(Command(META, "HGET", key(META, f"judged:{image_id}"), other))
            if said is None:
                raise NotFound(
                    f"there is no judgement about images {image_id} and {other} that could be taken back"
                )
            try:
                # somebody may have replaced it meanwhile; one who has taken it back meanwhile has done our work
                if (
                    self._journal.meta("undo", fences, secrets.token_hex(16), image_id, other, said)
                    == b"undone"
                ):
                    return codec.decode_judgement(other, said)[0]
            except Interrupted:
                continue
        raise gave_up("taking back a judgement about", image_id)

    def judgements(self, image_id: ImageId) -> list[Judgement]:
        """What persons said of an image and others, the latest first."""
        said = _said(self.connection.ask(_judged(image_id))).values()
        return sorted((one for one, _ in said), key=lambda one: (one.when, one.image_id), reverse=True)

    def judgement_between(self, image_id: ImageId, other: ImageId) -> Judgement | None:
        """What a person said of two images; None when nobody said anything."""
        said = self.connection.ask(Command(META, "HGET", key(META, f"judged:{image_id}"), other))
        return None if said is None else codec.decode_judgement(other, said)[0]

    def vetoed(self, image_id: ImageId) -> frozenset[ImageId]:
        """Images that a person keeps apart from this one."""
        return self.said(image_id)[0]

    def confirmed(self, image_id: ImageId) -> tuple[StoredVerdict, ...]:
        """What persons said is the same as this image or a part of it, in the order of the other images."""
        return self.said(image_id)[1]

    def said(self, image_id: ImageId) -> tuple[frozenset[ImageId], tuple[StoredVerdict, ...]]:
        """`vetoed` and `confirmed` in one round trip."""
        said = _said(self.connection.ask(_judged(image_id)))
        vetoed = frozenset(other for other, (one, _) in said.items() if one.word in KEEPS_APART)
        return vetoed, tuple(verdict for _, (_, verdict) in sorted(said.items()) if verdict)

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

    def _present(self, *ids: ImageId) -> list[bool]:
        return [
            bool(n)
            for n in self.connection.run(
                [Command(shard(i), "EXISTS", key(shard(i), f"img:{i}")) for i in ids]
            )
        ]

    def _record(self, intent: Intent, *, recorded: bool) -> list[RecordOutcome]:
        """Do all steps of an intent; `recorded`: it was found, and somebody else may have ended it."""
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
                return self._record_once(intent, fences)
            except Interrupted:
                continue
        raise gave_up("verdicts about", image_id)

    def _record_once(self, intent: Intent, fences: dict[str, bytes]) -> list[RecordOutcome]:
        image_id = intent.image_id
        there = self._write_sides(image_id, intent.pairs, fences)
        kept = [pair for pair, both in zip(intent.pairs, there, strict=True) if both]
        self._drop_sides(image_id, [pair.other for pair in intent.pairs if pair not in kept], fences)
        arguments = [
            item
            for pair in kept
            for item in (image_id, pair.other, "1" if pair.joins else "0", repr(pair.confidence))
        ]
        answers: Any = self._journal.meta(
            "score", fences, secrets.token_hex(16), *arguments, intent_id=intent.intent_id
        )
        if answers == b"gone":  # somebody who opened the store meanwhile finished it for us
            mine, *theirs = self.cluster_ids([image_id, *(pair.other for pair in kept)])
            answers = [
                b"stored" if not pair.joins else b"joined" if mine and mine == its else b"apart"
                for pair, its in zip(kept, theirs, strict=True)
            ]
        outcomes = {
            pair.other: RecordOutcome(as_text(answer)) for pair, answer in zip(kept, answers, strict=True)
        }
        return [outcomes.get(pair.other, RecordOutcome.ABSENT) for pair in intent.pairs]

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


def _judged(image_id: ImageId) -> Command:
    return Command(META, "HGETALL", key(META, f"judged:{image_id}"))


def _said(judged: Mapping[bytes, bytes]) -> dict[ImageId, tuple[Judgement, StoredVerdict | None]]:
    """Judgements by the other image, each with the verdict it stands for, if any."""
    found = ((as_text(other), data) for other, data in judged.items())
    return {other: codec.decode_judgement(other, data) for other, data in found}


def _outranked(other: ImageId, scored: StoredVerdict | None, judged: bytes | None) -> StoredVerdict | None:
    """What counts of a pair: what a person said, else the scored verdict; None where a person keeps the two
    apart.
    """
    if judged is None:
        return scored
    judgement, verdict = codec.decode_judgement(other, judged)
    return scored if judgement.word is JudgementWord.UNSURE else verdict


def _pair(other: ImageId, verdict: Verdict, now: datetime) -> JudgedPair:
    return JudgedPair(
        other=other,
        joins=codec.joins(verdict),
        confidence=verdict.confidence,
        rank=codec.rank(verdict),
        forward=codec.encode(verdict, now),
        backward=codec.encode(codec.reversed_verdict(verdict), now),
    )
