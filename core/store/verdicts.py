"""Verdicts: what scores say of pairs of images, kept on both sides.

Recording spans shards (see intents.py). Its steps: read fences; record the intent; write both sides, each
only where that image still has a record; then, in one script, join or cut the cluster and end the intent. A
person's judgement outranks the verdict of a pair, in that script and wherever verdicts are read.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import compress
from typing import Any

from ..batches import grouped
from ..errors import ConfigError
from ..records import ImageId, JudgementWord, RecordOutcome, StoredVerdict, Verdict
from . import verdict_codec as codec
from .clusters import Clusters
from .connection import StorePart
from .intents import Intent, Intents, Interrupted
from .judgements import decoded, judgements_of, outranked
from .keys import META, as_text, key, on_image, on_meta, shard
from .scripts import VERDICT_SIDES
from .values import image_ids, left_out_if_broken
from .verdict_sides import joins, rank, reversed_verdict


@dataclass(eq=False)
class Verdicts(StorePart):
    """The part of the store that keeps verdicts."""

    _intents: Intents
    _clusters: Clusters

    def record(self, image_id: ImageId, judged: Sequence[tuple[ImageId, Verdict]]) -> list[RecordOutcome]:
        """Store verdicts about an image, which is the query, and others, on both sides, join or cut their
        clusters, and return what became of each pair.

        Raises ConfigError for the same image twice.
        """
        if not judged:
            return []
        if image_id in {other for other, _ in judged}:
            raise ConfigError(f"image {image_id} cannot be judged against itself")
        now = datetime.now(timezone.utc)
        verdicts = tuple(StoredVerdict(other, verdict, now) for other, verdict in judged)
        return self._record(Intent(secrets.token_hex(16), image_id, verdicts), recorded=False)

    def partners(self, image_id: ImageId) -> list[ImageId]:
        """Return the images that are hits of this one: first those that a person confirmed, then those with
        a scored verdict, matches before reviews, the surest first, at most `StoreOptions.verdict_cap`. Pairs
        that a person keeps apart are left out.
        """
        cap = self.connection.options.verdict_cap
        ranked = on_image("ZREVRANGEBYSCORE", "partners", image_id, "+inf", 0, "LIMIT", 0, cap)
        by_score, judged = self.connection.run([ranked, judgements_of(image_id)])
        said = decoded(image_id, judged)
        confirmed = sorted((other for other, (_, verdict) in said.items() if verdict), reverse=True)
        decided = {other for other, (one, _) in said.items() if one.word is not JudgementWord.UNSURE}
        scored = image_ids(key(shard(image_id), f"partners:{image_id}"), by_score)
        return [*confirmed, *(other for other in scored if other not in decided)]

    def of(self, image_id: ImageId, partners: Sequence[ImageId] | None = None) -> list[StoredVerdict]:
        """Return what was concluded about an image and its partners (default: all), in their order: what a
        person said, else the scored verdict. Pairs that a person keeps apart are left out.
        """
        others = self.partners(image_id) if partners is None else partners
        if not others:
            return []
        scored, judged = self.connection.run(
            [
                on_image("HMGET", "ver", image_id, *others),
                on_meta("HMGET", f"judged:{image_id}", *others),
            ]
        )
        found = list[StoredVerdict | None]()
        for other, data, said in zip(others, scored, judged, strict=True):
            with left_out_if_broken():
                found.append(outranked(other, None if data is None else codec.decode(other, data), said))
        return [verdict for verdict in found if verdict]

    def between(self, image_id: ImageId, other: ImageId) -> StoredVerdict | None:
        """Return what was concluded about a pair, with `image_id` as the query; None when it was never judged
        or a person keeps the two apart.
        """
        scored, judged = self._about(image_id, other)
        return outranked(other, scored, judged)

    def scored_between(self, image_id: ImageId, other: ImageId) -> StoredVerdict | None:
        """Return the scored verdict about a pair, with `image_id` as the query, whatever a person said; None
        when there is none.
        """
        return self._about(image_id, other)[0]

    def _about(self, image_id: ImageId, other: ImageId) -> tuple[StoredVerdict | None, bytes | None]:
        """The scored verdict about a pair, and what a person said."""
        forward, backward, judged = self.connection.run(
            [
                on_image("HGET", "ver", image_id, other),
                on_image("HGET", "ver", other, image_id),
                on_meta("HGET", f"judged:{image_id}", other),
            ]
        )
        scored = None if forward is None else codec.decode(other, forward)
        if scored is None and backward is not None:  # dropped from a side that was full
            found = codec.decode(other, backward)
            scored = StoredVerdict(other, reversed_verdict(found.verdict), found.judged)
        return scored, judged

    def scored(self, ids: Sequence[ImageId]) -> list[list[StoredVerdict]]:
        """Return every scored verdict on the side of each of these images, a `no-match` that replaced another
        decision and those that a person's word outranks included, ordered by the other image.
        """
        found = self.connection.run([on_image("HGETALL", "ver", image_id) for image_id in ids])
        return [
            [codec.decode(as_text(other), data) for other, data in sorted(verdicts.items())]
            for verdicts in found
        ]

    def before(self, image_id: ImageId, moment: float) -> list[ImageId]:
        """Return the other images of the scored verdicts about this one that are older than a moment (unix
        seconds) or were dropped from its side, so that their age is not known.
        """
        partners, verdicts = self.connection.run(
            [on_image("ZRANGE", "partners", image_id, 0, -1), on_image("HGETALL", "ver", image_id)]
        )
        newer = {
            other
            for other, data in verdicts.items()
            if codec.decode(as_text(other), data).judged.timestamp() >= moment
        }
        return [as_text(other) for other in partners if other not in newer]

    def finish(self, intent: Intent) -> None:
        """Do the remaining steps of an intent that was found in the store."""
        self._record(intent, recorded=True)

    def drop_sides(self, pairs: Sequence[tuple[ImageId, ImageId]], fences: dict[str, bytes]) -> None:
        """Remove the verdict about the second image of each pair from the side of the first.

        Raises Interrupted when a fence has moved.
        """
        self._sides([(owner, other, b"", "") for owner, other in pairs], fences)

    def _record(self, intent: Intent, *, recorded: bool) -> list[RecordOutcome]:
        """Do all steps of an intent; `recorded`: it was found, and somebody else may have ended it."""
        tags = [META, *(shard(i) for i in (intent.image_id, *(one.image_id for one in intent.verdicts)))]
        for fences in self._intents.attempts("verdicts about", intent.image_id, tags):
            if recorded and not self._intents.stands(intent):
                return []
            with suppress(Interrupted):
                if not recorded:
                    self._intents.meta("intend", fences, intent.encode(), intent_id=intent.intent_id)
                    recorded = True
                outcomes = self._record_once(intent, fences)
                break
        return [outcomes.get(one.image_id, RecordOutcome.ABSENT) for one in intent.verdicts]

    def _record_once(self, intent: Intent, fences: dict[str, bytes]) -> dict[ImageId, RecordOutcome]:
        """Do all steps of an intent behind these fences; returns what became of the pairs whose images are
        both there.
        """
        query = intent.image_id
        items = []
        for one in intent.verdicts:
            forward = codec.encode(one.verdict, one.judged)
            backward = codec.encode(reversed_verdict(one.verdict), one.judged)
            ranked = repr(rank(one.verdict))
            items += [(query, one.image_id, forward, ranked), (one.image_id, query, backward, ranked)]
        there = self._sides(items, fences)
        both = [mine and theirs for mine, theirs in zip(there[::2], there[1::2], strict=True)]
        kept = sorted(
            compress(intent.verdicts, both), key=lambda one: (-one.verdict.confidence, one.image_id)
        )
        gone = [one.image_id for one, found in zip(intent.verdicts, both, strict=True) if not found]
        self.drop_sides([sides for other in gone for sides in ((query, other), (other, query))], fences)
        arguments = [
            item
            for one in kept
            for item in (
                query,
                one.image_id,
                "1" if joins(one.verdict) else "0",
                repr(one.verdict.confidence),
            )
        ]
        answers: Any = self._intents.meta(
            "score", fences, secrets.token_hex(16), *arguments, intent_id=intent.intent_id
        )
        if answers == b"gone":  # another process that opened the store meanwhile has finished this intent
            mine, *theirs = self._clusters.ids([query, *(one.image_id for one in kept)])
            answers = [
                b"stored" if not joins(one.verdict) else b"joined" if mine and mine == its else b"apart"
                for one, its in zip(kept, theirs, strict=True)
            ]
        return {
            one.image_id: RecordOutcome(as_text(answer)) for one, answer in zip(kept, answers, strict=True)
        }

    def _sides(
        self, items: Sequence[tuple[ImageId, ImageId, bytes, str]], fences: dict[str, bytes]
    ) -> list[bool]:
        """Run verdict_sides.lua once on every shard that the items (owner, other, bytes, rank) touch; returns
        for each whether the owner is there. Raises Interrupted when a fence has moved.
        """
        cap = self.connection.options.verdict_cap
        by_shard = grouped(range(len(items)), lambda position: shard(items[position][0]))
        commands = [
            VERDICT_SIDES(tag, fences[tag], cap, *(part for n in positions for part in items[n]))
            for tag, positions in by_shard.items()
        ]
        there = [False] * len(items)
        for positions, found in zip(by_shard.values(), self.connection.run(commands), strict=True):
            self._intents.unmoved(found)
            for position, answer in zip(positions, found, strict=True):
                there[position] = bool(answer)
        return there
