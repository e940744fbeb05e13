"""Whatever happened, AIL holds what the store, the settings and the analysts' words ask for, and nothing
else: random histories against a real store and an AIL in memory, compared with a statement of what should
stand that is written here once more, pair by pair and without any of the module's shortcuts.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from itertools import combinations

import pytest
from support.ail_memory import Killed, World

from douglas_quaid.ail import tags
from douglas_quaid.ail.config import Settings
from douglas_quaid.ail.objects import AilObject
from douglas_quaid.ail.publishing.feedback import FeedbackReader
from douglas_quaid.ail.publishing.ledger import Entry, Kind, Star, read_entry, read_star, written_objects
from douglas_quaid.errors import ConfigError, NotFound
from douglas_quaid.records import Decision, Relation, Verdict

#: Rounds of passes until nothing moves any more. chosen: a star takes one to change and one to follow.
ROUNDS = 8


@pytest.fixture
def world(store_url: str) -> Iterator[World]:
    world = World(store_url)
    yield world
    world.close()


class History:
    """What happens to a few objects of AIL, at random."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.rng = world, random.Random(seed)
        self.settings = {
            "max_edges": self.rng.choice((1, 1, 2)),
            "same_domain": self.rng.random() < 0.2,
            "tag_detail": self.rng.random() < 0.3,
            "tag_domain": self.rng.choice((("review",), ("review", "match"))),
        }
        #: Each object in the store, with the domains or chats where it was seen.
        self.places: dict[AilObject, frozenset[str]] = {}
        self.judged: list[tuple[AilObject, AilObject]] = []
        #: Tags that an analyst deleted, with the global ids of their objects.
        self.deleted: set[tuple[str, str]] = set()

    def run(self, steps: int) -> None:
        verbs = (
            *(self.add,) * 3,
            *(self.match,) * 5,
            *(self.part,) * 3,
            *(self.review,) * 3,
            *(self.differ, self.veto, self.undo, self.confirm, self.forget, self.withdraw, self.move),
            *(self.delete_tag, self.answer, self.killed, self.check, self.sweep, self.listen),
        )
        for _ in range(steps):
            self.add() if len(self.places) < 4 else self.rng.choice(verbs)()

    def add(self) -> None:
        """Another picture, or the bytes of a screenshot as an image, too."""
        rng, world = self.rng, self.world
        twins = [obj for obj in self.places if obj.type == "screenshot"]
        if rng.random() < 0.2:
            twin = rng.choice(twins) if twins and rng.random() < 0.4 else None
            chats = ",".join(f"telegram:{n}" for n in sorted(rng.sample(range(4), rng.choice((1, 1, 2)))))
            obj, places = world.add(chat=chats, kind="image", same_as=twin), frozenset[str]()
        else:
            names = sorted(rng.sample([f"{n}.onion" for n in range(5)], rng.choice((1, 1, 1, 2))))
            item = f"crawled/2026/12/01/{names[0]}-{len(self.judged)}"
            obj, places = world.add(",".join(names), item=item), frozenset(names)
        self.places[obj] = places
        self.write(obj)

    def write(self, obj: AilObject) -> None:
        if obj in self.places:
            self.world.write(obj, **self.settings)

    def pair(self) -> tuple[AilObject, AilObject]:
        a, b = self.rng.sample(sorted(self.places), 2)
        return a, b

    def judge(self, decision: Decision, relation: Relation) -> None:
        """A search finds one to three pictures, and the module writes about it."""
        a, _ = self.pair()
        for _ in range(self.rng.choice((1, 1, 2, 3))):
            b = self.rng.choice(sorted(self.places))
            if a.id != b.id:
                confidence = round(self.rng.uniform(0.9, 1.0), 3)
                self.world.judge(a, b, confidence, relation=relation, decision=decision)
                self.judged.append((a, b))
        self.write(a)

    def match(self) -> None:
        self.judge(Decision.MATCH, Relation.NEAR_DUPLICATE)

    def part(self) -> None:
        self.judge(Decision.MATCH, Relation.PARTIAL)

    def review(self) -> None:
        self.judge(Decision.REVIEW, self.rng.choice((Relation.NEAR_DUPLICATE, Relation.PARTIAL)))

    def differ(self) -> None:
        self.judge(Decision.NO_MATCH, Relation.SAME_TEMPLATE)

    def veto(self) -> None:
        a, b = self.rng.choice(self.judged) if self.judged else self.pair()
        if a in self.places and b in self.places and a.id != b.id:
            self.world.engine.veto(a.id, b.id)

    def confirm(self) -> None:
        a, b = self.pair()
        with suppress(ConfigError, NotFound):  # vetoed, or the same picture
            self.world.engine.confirm(a.id, b.id)

    def undo(self) -> None:
        judged = [
            (a.id, other) for a in sorted(self.places) for other in sorted(self.world.engine.vetoed(a.id))
        ]
        if judged:
            self.world.engine.undo(*self.rng.choice(judged))

    def forget(self) -> None:
        if self.rng.random() < 0.4:
            gone, _ = self.pair()
            self.world.store.forgetting.forget(gone.id)
            self.places = {obj: places for obj, places in self.places.items() if obj.id != gone.id}

    def withdraw(self) -> None:
        if self.rng.random() < 0.4:
            gone, _ = self.pair()
            self.world.engine.withdraw(gone.occurrence)
            del self.places[gone]

    def move(self) -> None:
        """AIL crawls the same bytes on another domain, or they are posted in another chat."""
        obj, _ = self.pair()
        if obj.type == "screenshot":
            self.places[obj] |= {f"{self.rng.randrange(5)}.onion"}
            labels = {"domain": ",".join(sorted(self.places[obj]))}
        else:
            labels = {"chat": "telegram:1,telegram:2"}
        self.world.engine.note(obj.id, occurrence=obj.occurrence, labels=labels)
        self.write(obj)

    def delete_tag(self) -> None:
        """An analyst removes a tag of ours in AIL."""
        obj, _ = self.pair()
        ours = sorted(tag for tag in self.world.sink.tagged[obj.gid] if tag.startswith(tags.AUTOMATIC))
        if ours:
            tag = self.rng.choice(ours)
            self.world.sink.tagged[obj.gid].discard(tag)
            self.deleted.add((obj.gid, tag))

    def answer(self) -> None:
        """An analyst confirms a tag, or calls a screenshot a false positive."""
        obj, _ = self.pair()
        ours = sorted(tag for tag in self.world.sink.tagged[obj.gid] if tag.startswith(tags.AUTOMATIC))
        if ours and self.rng.random() < 0.5:
            self.world.sink.tagged[obj.gid].add(tags.analysts(self.rng.choice(ours)))
        elif ours and self.rng.random() < 0.3:
            self.world.sink.tagged[obj.gid].add(tags.FALSE_POSITIVE)

    def killed(self) -> None:
        """The process dies while it writes about a match; some other one goes on."""
        a, b = self.pair()
        if a.id == b.id:
            return
        self.world.judge(a, b, 0.96)
        self.world.sink.dies_at = len(self.world.sink.done) + self.rng.randrange(4)
        with suppress(Killed):
            self.write(a)
        self.world.sink.dies_at = None

    def check(self) -> None:
        self.world.publisher(**self.settings).check(self.pair()[0])

    def sweep(self) -> int:
        return self.world.publisher(**self.settings).sweep()

    def listen(self) -> int:
        """A pass of a module: answers, then everything that is written."""
        settings = Settings(**self.settings)  # type: ignore[arg-type]
        reader = FeedbackReader(self.world.engine, self.world.sink, settings, self.world.options)
        answers = [one for obj in list(written_objects(self.world.engine)) for one in reader.read(obj)]
        return len(answers) + len(list(reader.finish()))


class Statement:
    """What should stand, from the verdicts of all pairs. Given are what was elected, and at which objects a
    review is asked.
    """

    def __init__(self, history: History) -> None:
        self.history, self.engine = history, history.world.engine
        self.settings = Settings(**history.settings)  # type: ignore[arg-type]
        self.objects = sorted(history.places)
        ids = [obj.id for obj in self.objects]
        names = self.engine.cluster_names(ids)
        self.cluster = {image: found[0] for image, found in zip(ids, names, strict=True)}
        self.stars: dict[str, Star | None] = {
            name: read_star(self.engine, name) for name in {*self.cluster.values()}
        }
        self.verdicts: dict[frozenset[AilObject], Verdict] = {}
        for a, b in combinations(self.objects, 2):
            found = None if a.id == b.id else self.engine.verdict_between(a.id, b.id)
            if found:
                self.verdicts[frozenset((a, b))] = found.verdict

    def clusters_of(self, obj: AilObject) -> str:
        return self.cluster[obj.id]

    def elsewhere(self, a: AilObject, b: AilObject) -> bool:
        mine, theirs = self.history.places[a], self.history.places[b]
        return self.settings.same_domain or not mine or mine != theirs

    def found(self, obj: AilObject, decision: Decision) -> list[tuple[int, AilObject]]:
        """The others of which the store says so, surest first, with their scores."""
        same = 99 if decision is Decision.MATCH else -1  # what the engine gives equal bytes is of no concern
        scores = {
            other: round(100 * verdict.confidence) if verdict else same
            for other in self.objects
            if other != obj
            and ((verdict := self.verdicts.get(frozenset((obj, other)))) or other.id == obj.id)
            and self.elsewhere(obj, other)
            and (verdict.decision is decision if verdict else decision is Decision.MATCH)
        }
        return sorted((-score, other) for other, score in scores.items())

    def centre(self, obj: AilObject) -> AilObject | None:
        star = self.stars[self.clusters_of(obj)]
        return star and star.centre

    def may_be_correlated(self, obj: AilObject) -> tuple[set[AilObject], set[AilObject]]:
        """Those with which it must be, and those with which it may be: of equally sure ones, any."""
        centre = self.centre(obj)
        must = {centre} - {obj} if centre and self.elsewhere(obj, centre) else set()
        vetoed = self.engine.vetoed(obj.id)
        may = set(must)
        for _, other in self.found(obj, Decision.MATCH):
            if self.clusters_of(other) != self.clusters_of(obj):
                theirs = self.centre(other)
                usable = theirs and theirs.id not in vetoed and self.elsewhere(obj, theirs)
                may.add(theirs if usable and theirs else other)
        return must, may

    def questions(self, obj: AilObject) -> set[AilObject]:
        answered = {self.clusters_of(other) for _, other in self.found(obj, Decision.MATCH)}
        answered |= self.refused(obj) | {self.clusters_of(obj)}
        return {
            other for _, other in self.found(obj, Decision.REVIEW) if self.clusters_of(other) not in answered
        }

    def refused(self, obj: AilObject) -> set[str]:
        """Clusters with a picture that a person said is not the same: nobody is asked about its copies."""
        return {self.cluster[image] for image in self.engine.vetoed(obj.id) if image in self.cluster}

    def is_told(self, obj: AilObject) -> bool:
        """Whether it is among those that its star names, and what it was told of holds."""
        star = self.stars[self.clusters_of(obj)]
        about = {self.cluster.get(told.about) for told in star.told if told.obj == obj} if star else set()
        matched = {self.clusters_of(other) for _, other in self.found(obj, Decision.MATCH)}
        return bool(about & matched - self.refused(obj)) or (
            self.clusters_of(obj) in about and self.several_places(obj)
        )

    def several_places(self, obj: AilObject) -> bool:
        found = self.engine.sightings([obj.occurrence])[0][0].sighting.labels
        return len(f"{found.get('domain', '')},{found.get('chat', '')}".strip(",").split(",")) > 1


@pytest.mark.parametrize("seed", range(12))
def test_after_any_history_ail_holds_what_is_desired_and_another_pass_changes_nothing(
    world: World, seed: int
) -> None:
    history = History(world, seed)
    history.run(60)
    # When the modules have made their passes
    for _ in range(ROUNDS):
        moved = history.listen() + history.sweep()
        if not moved:
            break
    # Then another one changes nothing
    assert not moved
    done = len(world.sink.done)
    assert history.listen() == history.sweep() == 0 and len(world.sink.done) == done
    # and AIL has what the ledger says
    entries = {obj: read_entry(world.engine, obj) for obj in written_objects(world.engine)}
    assert all(entry.settled and not entry.going.lines for entry in entries.values())
    assert entries.keys() <= history.places.keys()
    assert world.sink.pairs() == {
        frozenset((obj.gid, line.other.gid)) for obj, entry in entries.items() for line in entry.correlations
    }
    assert world.sink.noted == {obj.gid: note.text for obj, entry in entries.items() for note in entry.notes}
    rows = {
        (frozenset((obj, row.other)), row.score) for obj, entry in entries.items() for row in entry.duplicates
    }
    assert sum(map(len, world.sink.rows.values())) == 2 * len(rows)
    _has_the_tags(history, world, entries)
    # and the ledger says what is desired, for every object
    statement = Statement(history)
    for obj in statement.objects:
        _compare(statement, world, obj, entries.get(obj, Entry()))
    for name, star in statement.stars.items():
        _is_told_once(statement, name, star)


def _has_the_tags(history: History, world: World, entries: dict[AilObject, Entry]) -> None:
    """AIL has no tag of ours that the ledger does not have, at objects, domains and items; and all that the
    ledger has, but for what an analyst deleted before a pass had seen it, or without another picture.
    """
    wanted = {(obj.gid, tag.name) for obj, entry in entries.items() for tag in entry.tags}
    wanted |= {(line.origin, line.name) for entry in entries.values() for line in entry.origins}
    ours = {
        (gid, tag)
        for gid, found in world.sink.tagged.items()
        for tag in found
        if tag.startswith(tags.AUTOMATIC)
    }
    assert ours <= wanted and wanted - ours <= history.deleted


def _compare(statement: Statement, world: World, obj: AilObject, entry: Entry) -> None:
    settings, cluster = statement.settings, statement.clusters_of
    # its correlations: the star's, then those of parts, as many as fit
    must, may = statement.may_be_correlated(obj)
    reviews = [tag for tag in entry.tags if tag.kind is Kind.REVIEW]
    asked = {tag.about for tag in reviews}
    lines = {line.other for line in entry.correlations if not (asked and line.via in asked)}
    drawn = {AilObject.parse(gid) for gid in world.sink.correlations[obj.gid]}
    assert must <= drawn
    if entry.known:
        assert lines <= may and must <= lines
        assert len(lines) == min(settings.max_edges, len(may))
    # its review
    questions = statement.questions(obj)
    assert len(reviews) == bool(entry.asks and questions)
    for tag in reviews:
        (other,) = {one for one in questions if one.id == tag.about and one in drawn} or {None}
        assert other is not None
    # its rows
    matches = [other for _, other in statement.found(obj, Decision.MATCH) if other.type == obj.type]
    assert {row.other for row in entry.duplicates} <= set(matches)
    assert not entry.known or len(entry.duplicates) == min(settings.max_edges, len(matches))
    for row in entry.duplicates:
        assert row.score == round(100 * statement.verdicts[frozenset((obj, row.other))].confidence)
    # its tag
    told = [tag for tag in entry.tags if tag.name == tags.MATCH]
    assert len(told) == statement.is_told(obj)
    assert len([tag for tag in entry.tags if tag.kind is Kind.MATCH]) == len(told) * (1 + settings.tag_detail)
    # and its page names everything that it is tagged or drawn for
    text = "".join(note.text for note in entry.notes)
    assert bool(text) == bool(entry.lines)
    for line in entry.correlations:
        assert line.other.id in text and line.via in text
    for tag in entry.tags:
        assert tag.about in text or tag.about == obj.id
    assert not [tag for tag in entry.tags if tag.about in world.engine.vetoed(obj.id)]
    assert all(cluster(obj) == cluster(line.other) for line in entry.correlations if not line.via)


def _is_told_once(statement: Statement, name: str, star: Star | None) -> None:
    """A cluster that matches across domains has somebody who says so, and at most as many as were told before
    clusters merged.
    """
    members = [obj for obj in statement.objects if statement.clusters_of(obj) == name]
    inside = [
        obj
        for obj in members
        if any(statement.clusters_of(other) == name for _, other in statement.found(obj, Decision.MATCH))
    ]
    if any(read_entry(statement.engine, obj).known for obj in inside):
        assert star and any(told.obj in members for told in star.told)
