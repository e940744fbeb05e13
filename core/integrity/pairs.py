"""Pairs of images: verdicts and their ranks, judgements, what joins or blocks clusters, on both sides."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ..errors import FormatError
from ..records import ImageId, Judgement, JudgementWord, StoredVerdict
from ..store import Store, joins, verdict_codec as codec
from ..store.images import scored
from ..store.intents import Intents, Interrupted
from ..store.judgements import KEEPS_APART
from ..store.keys import META, Command, as_text, key, on_image, on_meta
from ..store.values import IMAGE_ID
from ..store.verdict_sides import rank, reversed_verdict
from .finding import NEWER, Finding, asking, existing, read, settle

#: How far a rank, which Redis keeps as a double, may lie from that of its verdict. chosen.
EPSILON = 1e-9
#: Rank of a verdict whose bytes were dropped. spec: FORMAT.md.
DROPPED = -1.0


def check_pairs(store: Store, ids: Sequence[ImageId]) -> Iterator[Finding]:
    """Yield what is wrong with the pairs that these images know."""
    commands = [command for i in ids for command in _questions(i)]
    answers = read(store, commands)
    sides = [answers[at : at + 5] for at in range(0, len(answers), 5)]
    others = {as_text(other) for side in sides for part in side for other in _names(part)}
    there = existing(store, (other for other in others if IMAGE_ID.fullmatch(other))) | set(ids)
    for image_id, (verdicts, ranks, judged, joining, blocked) in zip(ids, sides, strict=True):
        wrong = [
            (kind, other)
            for kind, part in (
                ("ver", verdicts),
                ("partners", ranks),
                ("judged", judged),
                ("joining", joining),
                ("blocked", blocked),
            )
            for other in _names(part)
            if as_text(other) not in there or as_text(other) == image_id
        ]
        for kind, name in wrong:
            yield _about_nothing(store, image_id, kind, name)
        known = {other for part in (verdicts, ranks, judged, joining, blocked) for other in _names(part)}
        partners = sorted({as_text(name) for name in known} & there - {image_id})
        for other, pair in zip(partners, _pairs(store, image_id, partners), strict=True):
            if any(data and codec.is_newer(data) for data in (*pair.verdicts, *pair.judgements)):
                place = f"{key(image_id[0], f'ver:{image_id}')}, {other}"
                yield Finding(place, "a newer program wrote the verdict or judgement of this pair", NEWER)
                continue
            yield from _check_verdict(store, image_id, other, pair)
            yield from _check_judgement(store, image_id, other, pair)
            yield from _check_edge(store, image_id, other, pair)


@dataclass(frozen=True, slots=True)
class _Pair:
    """What both sides have of a pair, the first side first."""

    verdicts: tuple[bytes | None, bytes | None]
    ranks: tuple[float | None, float | None]
    judgements: tuple[bytes | None, bytes | None]
    joining: tuple[bytes | None, bytes | None]
    blocked: tuple[bytes | None, bytes | None]
    clusters: tuple[bytes | None, bytes | None]
    chained: bool

    def read(self, image_id: ImageId, other: ImageId) -> list[StoredVerdict | None]:
        """Return the verdicts of both sides that can be read."""
        found = list[StoredVerdict | None]()
        for name, data in zip((other, image_id), self.verdicts, strict=True):
            try:
                found.append(None if data is None else codec.decode(name, data))
            except FormatError:
                found.append(None)
        return found


def _pairs(store: Store, image_id: ImageId, others: Sequence[ImageId]) -> list[_Pair]:
    commands = []
    for other in others:
        for one, two in ((image_id, other), (other, image_id)):
            commands += [
                on_image("HGET", "ver", one, two),
                on_image("ZSCORE", "partners", one, two),
                *(on_meta("HGET", f"{kind}:{one}", two) for kind in ("judged", "joining", "blocked")),
                on_meta("HGET", "cluster-of", one),
            ]
        commands.append(on_meta("SISMEMBER", "chains", " ".join(sorted([image_id, other]))))
    answers = read(store, commands)
    found = []
    for at in range(0, len(answers), 13):
        scores = [None if score is None else float(score) for score in (answers[at + 1], answers[at + 7])]
        kinds = [(answers[at + kind], answers[at + 6 + kind]) for kind in (0, 2, 3, 4, 5)]
        verdicts, judgements, joining, blocked, clusters = kinds
        ranks, chained = (scores[0], scores[1]), bool(answers[at + 12])
        found.append(_Pair(verdicts, ranks, judgements, joining, blocked, clusters, chained))
    return found


def _check_verdict(store: Store, image_id: ImageId, other: ImageId, pair: _Pair) -> Iterator[Finding]:
    """The verdict of a pair: readable on both sides, the same, and with its rank."""
    verdicts = pair.read(image_id, other)
    fits = [
        verdict is not None and score is not None and abs(rank(verdict.verdict) - score) < EPSILON
        for verdict, score in zip(verdicts, pair.ranks, strict=True)
    ]
    dropped = [
        data is None and score is not None and abs(score - DROPPED) < EPSILON
        for data, score in zip(pair.verdicts, pair.ranks, strict=True)
    ]
    absent = pair.verdicts == pair.ranks == (None, None)
    sound = absent or all(fit or drop for fit, drop in zip(fits, dropped, strict=True))
    if sound and (not all(fits) or _alike(*verdicts)):
        return
    whole = [one for one, fit in zip(verdicts, fits, strict=True) if one and fit]
    read_at_all = [one for one in verdicts if one]
    right = whole[0] if len(whole) == 1 else read_at_all[0] if len(read_at_all) == 1 and not whole else None
    remedy = "it is removed on both sides, and both images are linked again"
    if right is not None:
        owner = other if right.image_id == image_id else image_id
        remedy = f"both sides are written anew from that of image {owner}"

    def mend() -> None:
        intents = Intents(store.connection)
        for fences in intents.attempts("mending verdicts about", image_id, (META, image_id[0], other[0])):
            with suppress(Interrupted):
                store.verdicts.drop_sides([(image_id, other), (other, image_id)], fences)
                break
        if right is not None:
            store.verdicts.record(owner, [(right.image_id, right.verdict)])
            return
        settle(store, "settle", image_id, other, "0")()
        for one in (image_id, other):
            store.links.await_link(one)

    place = f"{key(image_id[0], f'ver:{image_id}')}, {other}"
    yield Finding(place, "the verdict of this pair, or its rank, is broken on a side", remedy, mend)


def _alike(one: StoredVerdict | None, two: StoredVerdict | None) -> bool:
    """Whether the two sides of a pair have the same verdict."""
    if one is None or two is None:
        return one is two
    a, b = one.verdict, two.verdict
    same = (a.decision, a.relation, a.confidence, a.calibration_id) == (
        b.decision,
        b.relation,
        b.confidence,
        b.calibration_id,
    )
    return same and one.judged == two.judged


def _check_judgement(store: Store, image_id: ImageId, other: ImageId, pair: _Pair) -> Iterator[Finding]:
    """What a person said of a pair: readable on both sides, and the same."""
    if pair.judgements == (None, None):
        return
    found = list[tuple[Judgement, StoredVerdict | None] | None]()
    for name, data in zip((other, image_id), pair.judgements, strict=True):
        try:
            found.append(None if data is None else codec.decode_judgement(name, data))
        except FormatError:
            found.append(None)
    said = [replace(one[0], image_id="") for one in found if one]
    if len(said) == 2 and said[0] == said[1]:
        return
    sides: list[bytes] = [b"", b""]
    remedy = "it is removed on both sides, since none can be read"
    if len(said) == 1:
        at = 0 if found[0] else 1
        judgement, verdict = found[at] or (said[0], None)
        right = None if verdict is None else reversed_verdict(verdict.verdict)
        sides[at] = pair.judgements[at] or b""
        sides[1 - at] = codec.encode_judgement(judgement, right)
        remedy = "it is written anew from the other side"
    elif len(said) == 2:
        remedy = (
            f"the sides contradict each other ({said[0].word.value}, {said[1].word.value}); it is removed"
        )
    mend = settle(store, "rejudge", image_id, other, *sides)
    place = f"{key(META, f'judged:{image_id}')}, {other}"
    yield Finding(place, "what a person said of this pair is broken on a side", remedy, mend)


def _check_edge(store: Store, image_id: ImageId, other: ImageId, pair: _Pair) -> Iterator[Finding]:
    """Whether a pair joins clusters: the same on both sides, as its verdict and judgement say, and done."""
    verdict = next((one.verdict for one in pair.read(image_id, other) if one), None)
    place = f"{key(META, f'joining:{image_id}')}, {other}"
    joining, (mine, theirs) = pair.joining, pair.joining
    wanted = None if verdict is None or not joins(verdict) else repr(verdict.confidence).encode()
    if mine != theirs or (verdict is not None and mine is not None and mine != wanted):
        flag = ("1", wanted) if wanted is not None else ("0", b"")
        mend = settle(store, "settle", image_id, other, *flag)
        yield Finding(place, "what joins this pair is not what its verdict says", "it is written anew", mend)
        return
    word = _word(other, pair.judgements[0])
    edge = word is JudgementWord.SAME or (word in (None, JudgementWord.UNSURE) and joining[0] is not None)
    blocked = pair.blocked
    problem = ""
    chained = blocked == (b"2", b"2")
    if blocked not in ((None, None), (b"1", b"1"), (b"2", b"2")) or (blocked[0] is not None and not edge):
        problem = "what blocks this pair is not on both sides, or nothing joins it"
    elif pair.chained != chained:
        problem = "the list of chains says otherwise"
    elif edge and blocked[0] is None and (pair.clusters[0] is None or pair.clusters[0] != pair.clusters[1]):
        problem = "this pair is to be joined, and its images are in different clusters"
    elif word in KEEPS_APART and pair.clusters[0] is not None and pair.clusters[0] == pair.clusters[1]:
        problem = "a person keeps this pair apart, and its images are in one cluster"
    if problem:
        mend = settle(store, "settle", image_id, other, "", b"")
        yield Finding(
            f"{key(META, f'blocked:{image_id}')}, {other}", problem, "its clusters are computed anew", mend
        )


def _word(other: ImageId, judged: bytes | None) -> JudgementWord | None:
    try:
        return None if judged is None else codec.decode_judgement(other, judged)[0].word
    except FormatError:
        return None


def _questions(image_id: ImageId) -> list[Command]:
    return [
        on_image("HGETALL", "ver", image_id),
        on_image("ZRANGE", "partners", image_id, 0, -1, "WITHSCORES"),
        on_meta("HGETALL", f"judged:{image_id}"),
        on_meta("HGETALL", f"joining:{image_id}"),
        on_meta("HGETALL", f"blocked:{image_id}"),
    ]


def _names(part: Any) -> list[bytes]:
    """Names in a hash, or in pairs with scores."""
    if isinstance(part, dict):
        return list(part)
    return [name for name, _ in scored(part or ())]


def _about_nothing(store: Store, image_id: ImageId, kind: str, other: bytes) -> Finding:
    tag = image_id[0] if kind in ("ver", "partners") else META
    place = f"{key(tag, f'{kind}:{image_id}')}, {as_text(other)!r:.100}"

    verb = "ZREM" if kind == "partners" else "HDEL"
    command = Command(tag, verb, key(tag, f"{kind}:{image_id}"), other)
    return Finding(
        place,
        "about an image that is not in the store",
        "it is removed",
        asking(store, command),
    )
