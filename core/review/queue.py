"""The queue of a service: what is to be asked next, of whom.

The pairs that wait are read from the store now and then, because that takes a look at every image; whether a
question is still open, and whether somebody else has it open, is asked of the store each time before it is
handed out. So what other processes answer, undo or link meanwhile is seen at once or a little later.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..batches import in_groups
from ..engine import Engine
from ..records import ImageId, Judgement, JudgementWord
from ..store.values import noting
from .questions import Pair, Question, questions_of

#: Seconds after which the waiting pairs are read again; at least ten times as long as reading them takes.
#: chosen: somebody who links pictures sees them soon.
FRESH_SECONDS = 20.0
#: Seconds after which they are read again where nothing is left to ask. chosen.
EMPTY_SECONDS = 2.0
#: Seconds for which a pair is lent; the page renews that. chosen: three times the pause between renewals.
LEASE_SECONDS = 60.0
#: Questions that are looked at together. chosen: some are leased or settled.
AT_ONCE = 8
#: Members of a cluster whose judgements are read. chosen: the first decide nearly always.
MEMBERS_READ = 64
#: Images whose clusters and judgements are read in one round trip. chosen.
IMAGES_AT_ONCE = 1000

#: Whether an image may be shown to somebody, for several images.
Visible = Callable[[Sequence[ImageId]], Sequence[bool]]


@dataclass(frozen=True, slots=True)
class Next:
    """What somebody is asked next."""

    #: The questions, each leased to them.
    questions: tuple[Question, ...]
    #: Pairs that the holder had and that somebody else has open now: its lease had ended.
    lost: tuple[tuple[ImageId, ImageId], ...]
    #: Number of questions in the queue, those that others have open included; None for somebody who may not
    #: see all of them.
    left: int | None


class Queue:
    """Hands out questions. May be shared by threads."""

    def __init__(self, engine: Engine, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine, self._clock = engine, clock
        self._lock = threading.Lock()
        self._questions: list[Question] = []
        self._answered = set[tuple[ImageId, ImageId]]()
        self._read_at: float | None = None
        self._took = 0.0

    def next(
        self,
        holder: str,
        *,
        count: int,
        held: Sequence[tuple[ImageId, ImageId]] = (),
        visible: Visible | None = None,
    ) -> Next:
        """Return up to `count` questions that are open, visible, and that nobody else has open, beside those
        that the holder has already (`held`), whose leases are renewed. Raises StoreError, ConfigError.
        """
        renewed = self._engine.take_leases(held, holder, seconds=LEASE_SECONDS)
        lost = tuple(pair for pair, mine in zip(held, renewed, strict=True) if not mine)
        self._refresh(FRESH_SECONDS)
        found = self._lend(holder, count, held, visible)
        if count and not found and self._refresh(EMPTY_SECONDS):
            found = self._lend(holder, count, held, visible)
        left = max(0, len(self._questions) - len(self._answered))
        return Next(tuple(found), lost, left if visible is None else None)

    def answered(self, a: ImageId, b: ImageId) -> None:
        """Note that a pair was answered here, so that it is not looked at again."""
        with self._lock:
            known = {(question.pair.a, question.pair.b) for question in self._questions}
            first, second = sorted((a, b))
            if (first, second) in known:
                self._answered.add((first, second))

    def undone(self) -> None:
        """Note that an answer was taken back: what it had settled may be open again."""
        with self._lock:
            self._answered.clear()

    # -- reading the store -----------------------------------------------------------------------------------

    def _refresh(self, age: float) -> bool:
        """Read the waiting pairs again if they were read longer ago than `age`; returns whether they were."""
        with self._lock:
            now = self._clock()
            if self._read_at is not None and now - self._read_at < max(age, 10 * self._took):
                return False
            self._questions = _read(self._engine)
            self._answered.clear()
            self._read_at = self._clock()
            self._took = self._read_at - now
            return True

    def _lend(
        self,
        holder: str,
        count: int,
        held: Sequence[tuple[ImageId, ImageId]],
        visible: Visible | None,
    ) -> list[Question]:
        open_here = {(min(pair), max(pair)) for pair in held}
        with self._lock:
            apart = open_here | self._answered
            waiting = [one for one in self._questions if (one.pair.a, one.pair.b) not in apart]
        in_hands = self._homes(list(open_here))
        found = list[Question]()
        for some in in_groups(waiting, AT_ONCE):
            if len(found) >= count:
                break
            homes = self._homes([(question.pair.a, question.pair.b) for question in some])
            rest = iter(zip(some, homes, strict=True))
            while len(found) < count and (batch := _apart(rest, in_hands, count - len(found))):
                shown = _all_visible([question for question, _ in batch], visible)
                lent = self._leased(shown, holder)
                found += lent
                in_hands += [home for question, home in batch if question in lent]
        return found

    def _leased(self, questions: Sequence[Question], holder: str) -> list[Question]:
        """Return those of the questions that nobody else has open and that are open still. The lease comes
        first: after it, nobody who was asked before can have answered unseen.
        """
        pairs = [(question.pair.a, question.pair.b) for question in questions]
        taken = self._engine.take_leases(pairs, holder, seconds=LEASE_SECONDS)
        mine = [question for question, lent in zip(questions, taken, strict=True) if lent]
        open_still, closed = list[Question](), list[tuple[ImageId, ImageId]]()
        for question, is_open in zip(mine, self._are_open(mine), strict=True):
            if is_open:
                open_still.append(question)
            else:
                closed.append((question.pair.a, question.pair.b))
                self.answered(*closed[-1])
        self._engine.release_leases(closed, holder)
        return open_still

    def _homes(self, pairs: Sequence[tuple[ImageId, ImageId]]) -> list[tuple[str, str]]:
        """Return the clusters of pairs as they are now; an image in none stands for itself."""
        ids = [image_id for pair in pairs for image_id in pair]
        names = self._engine.cluster_ids(ids) if ids else []
        homes = [name or image_id for name, image_id in zip(names, ids, strict=True)]
        return list(zip(homes[::2], homes[1::2], strict=True))

    def _are_open(self, questions: Sequence[Question]) -> list[bool]:
        """Return for each question whether nobody has answered it, and nothing answers it by implication."""
        if not questions:
            return []
        ids = [image_id for question in questions for image_id in (question.pair.a, question.pair.b)]
        clusters = self._engine.clusters_of(ids)
        members = [
            tuple(dict.fromkeys((image_id, *(cluster.members[:MEMBERS_READ] if cluster else ()))))
            for image_id, cluster in zip(ids, clusters, strict=True)
        ]
        infos = self._engine.infos(ids)
        sides = list(dict.fromkeys(member for group in members[::2] for member in group))
        said = dict(zip(sides, self._engine.judgements_of(sides), strict=True))
        answers = []
        for n, question in enumerate(questions):
            mine, theirs = members[2 * n], frozenset(members[2 * n + 1])
            words = {
                (image_id, other): one.word
                for image_id in mine
                for other, one in said[image_id].items()
                if other in theirs
            }
            pair = (question.pair.a, question.pair.b)
            answers.append(
                None not in infos[2 * n : 2 * n + 2]
                and question.pair.a not in theirs
                and pair not in words
                and not any(word is not JudgementWord.UNSURE for word in words.values())
            )
        return answers


class _Groups:
    """Clusters that questions in somebody's hands connect. A question whose clusters are connected already
    could be answered by the others' answers, so it is not asked before they are.
    """

    def __init__(self, homes: Iterable[tuple[str, str]]) -> None:
        self._parent: dict[str, str] = {}
        for pair in homes:
            self.join(pair)

    def _root(self, home: str) -> str:
        while (above := self._parent.get(home, home)) != home:
            home = above
        return home

    def has(self, homes: tuple[str, str]) -> bool:
        """Return whether the two are connected."""
        return self._root(homes[0]) == self._root(homes[1])

    def join(self, homes: tuple[str, str]) -> None:
        """Connect the two."""
        self._parent[self._root(homes[0])] = self._root(homes[1])


def _apart(
    rest: Iterator[tuple[Question, tuple[str, str]]], in_hands: Sequence[tuple[str, str]], most: int
) -> list[tuple[Question, tuple[str, str]]]:
    """Take the next questions, with the clusters of their images, that neither those in somebody's hands nor
    each other's answers could answer.
    """
    connected, found = _Groups(in_hands), list[tuple[Question, tuple[str, str]]]()
    for question, homes in rest:
        if not connected.has(homes):
            connected.join(homes)
            found.append((question, homes))
            if len(found) == most:
                break
    return found


def _all_visible(questions: Sequence[Question], visible: Visible | None) -> list[Question]:
    if visible is None:
        return list(questions)
    sides = visible([image_id for question in questions for image_id in (question.pair.a, question.pair.b)])
    return [question for question, a, b in zip(questions, sides[::2], sides[1::2], strict=True) if a and b]


def _read(engine: Engine) -> list[Question]:
    """Return all questions of a store; what is broken there is left out, which the log says."""
    with noting():
        known = {(a, b): p for some in engine.open_reviews() for a, b, p in some}
        ids = list(dict.fromkeys(image_id for pair in known for image_id in pair))
        homes, said = dict[ImageId, str](), dict[ImageId, dict[ImageId, Judgement]]()
        for some in in_groups(ids, IMAGES_AT_ONCE):
            for image_id, names in zip(some, engine.cluster_names(some), strict=True):
                if names:
                    homes[image_id] = names[0]
            said.update(zip(some, engine.judgements_of(some), strict=True))
    return questions_of([Pair(a, b, p) for (a, b), p in known.items()], homes, said)
