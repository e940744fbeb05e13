"""An AIL in memory for tests of publishing, with AIL's semantics, and objects whose verdicts need no
pictures.

Correlations are a set at each of two objects. Duplicates are rows `<score>:<algorithm>:<id>` in a set at
each; a changed score makes a second row. A tag is there or not. The store is a real one.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from douglas_quaid.ail.config import Settings
from douglas_quaid.ail.objects import AilObject
from douglas_quaid.ail.publishing.apply import ALGORITHM
from douglas_quaid.ail.publishing.ledger import read_entry
from douglas_quaid.ail.publishing.publisher import Publisher, PublishingOptions
from douglas_quaid.ail.publishing.store_view import stored_findings
from douglas_quaid.config import Config
from douglas_quaid.engine import Engine
from douglas_quaid.extraction.extractor import Extractor
from douglas_quaid.index.new_image import new_image
from douglas_quaid.records import Decision, Evidence, ImageFeatures, Purpose, Relation, Verdict
from douglas_quaid.store import Store
from support.pictures import page, png

_FEATURES: list[ImageFeatures] = []


@dataclass(frozen=True)
class Written:
    """What is written about an object after a write, by this one or an earlier one."""

    #: Objects with which it is correlated.
    correlated: tuple[AilObject, ...]
    #: Scores in AIL's duplicates, 0 to 100.
    scores: tuple[tuple[AilObject, int], ...]
    #: Its tags.
    tags: tuple[str, ...]
    #: The note on its page; empty without one.
    note: str
    #: Whether this write asked AIL to change anything.
    changed: bool


class Killed(BaseException):
    """The process was killed here."""


class MemorySink:
    """A `Sink` in memory. `dies_at`: number of the change before which the process is killed. `journal`: a
    file to which all changes are appended.
    """

    def __init__(self, journal: Path | None = None) -> None:
        self.journal = journal
        self.correlations: defaultdict[str, set[str]] = defaultdict(set)
        self.rows: defaultdict[str, set[str]] = defaultdict(set)
        self.tagged: defaultdict[str, set[str]] = defaultdict(set)
        self.noted: dict[str, str] = {}
        self.done: list[tuple[object, ...]] = []
        self.dies_at: int | None = None

    def _do(self, *what: object) -> None:
        if self.dies_at is not None and len(self.done) >= self.dies_at:
            raise Killed
        self.done.append(what)
        if self.journal:
            with self.journal.open("a") as file:
                file.write(
                    json.dumps([part.gid if isinstance(part, AilObject) else part for part in what]) + "\n"
                )

    def replay(self, journal: Path) -> None:
        """Repeat the changes that another process made to this AIL."""
        for line in journal.read_text().splitlines() if journal.exists() else ():
            verb, gid, *rest = json.loads(line)
            read = str if "note" in verb else _read
            getattr(self, verb)(_read(gid) if "origin" not in verb else gid, *map(read, rest))

    def correlate(self, a: AilObject, b: AilObject) -> None:
        self._do("correlate", a, b)
        self.correlations[a.gid].add(b.gid)
        self.correlations[b.gid].add(a.gid)

    def uncorrelate(self, a: AilObject, b: AilObject) -> None:
        self._do("uncorrelate", a, b)
        self.correlations[a.gid].discard(b.gid)
        self.correlations[b.gid].discard(a.gid)

    def correlated(self, a: AilObject, b: AilObject) -> bool:
        return b.gid in self.correlations[a.gid]

    def duplicate(self, a: AilObject, b: AilObject, score: int) -> None:
        assert a.type == b.type and isinstance(score, int)
        self._do("duplicate", a, b, score)
        self.rows[a.gid].add(f"{score}:{ALGORITHM}:{b.id}")
        self.rows[b.gid].add(f"{score}:{ALGORITHM}:{a.id}")

    def unduplicate(self, a: AilObject, b: AilObject, score: int) -> None:
        self._do("unduplicate", a, b, score)
        self.rows[a.gid].discard(f"{score}:{ALGORITHM}:{b.id}")
        self.rows[b.gid].discard(f"{score}:{ALGORITHM}:{a.id}")

    def tag(self, obj: AilObject, tag: str) -> None:
        self._do("tag", obj, tag)
        self.tagged[obj.gid].add(tag)

    def untag(self, obj: AilObject, tag: str) -> None:
        self._do("untag", obj, tag)
        self.tagged[obj.gid].discard(tag)

    def tags(self, obj: AilObject) -> set[str]:
        return set(self.tagged[obj.gid])

    def tag_origin(self, origin: str, tag: str) -> None:
        self._do("tag_origin", origin, tag)
        self.tagged[origin].add(tag)

    def untag_origin(self, origin: str, tag: str) -> None:
        self._do("untag_origin", origin, tag)
        self.tagged[origin].discard(tag)

    def origin_tags(self, origin: str) -> set[str]:
        return set(self.tagged[origin])

    def note(self, obj: AilObject, text: str) -> None:
        self._do("note", obj, text)
        self.noted[obj.gid] = text

    def unnote(self, obj: AilObject, text: str) -> None:
        self._do("unnote", obj, text)
        if self.noted.get(obj.gid) == text:
            del self.noted[obj.gid]

    def pairs(self) -> set[frozenset[str]]:
        return {frozenset((a, b)) for a, others in self.correlations.items() for b in others}

    def state(self) -> tuple[object, ...]:
        """Return everything that AIL shows."""
        return (
            *(
                {gid: set(found) for gid, found in kept.items() if found}
                for kept in (self.correlations, self.rows, self.tagged)
            ),
            dict(self.noted),
        )


def _read(part: object) -> object:
    return AilObject.parse(str(part)) if "::" in str(part) else part


class World:
    """A store, an AIL, and a publisher between them."""

    def __init__(self, url: str, *, journal: Path | None = None) -> None:
        self.engine = Engine.open(config=Config(store=url))
        self.store = Store.open(Config(store=url))
        self.sink = MemorySink(journal)
        self.options = PublishingOptions()
        self._count = 0

    def close(self) -> None:
        self.engine.close()
        self.store.close()

    def add(
        self,
        domain: str = "",
        *,
        chat: str = "",
        item: str = "",
        kind: str = "screenshot",
        same_as: AilObject | None = None,
        linked: bool = True,
    ) -> AilObject:
        """Add an object and return it. `domain`, `chat`, `item`: names separated by commas. Its image is new,
        unless it is the `same_as` another object's.
        """
        self._count += 1
        obj = AilObject(kind, same_as.id if same_as else hashlib.sha256(b"%d" % self._count).hexdigest())
        image = replace(_features(), image_id=obj.id, pixel_digest=hashlib.sha256(obj.id.encode()).digest())
        labels = {name: text for name, text in (("domain", domain), ("chat", chat), ("item", item)) if text}
        self.store.images.put(new_image(image), occurrence=obj.occurrence, labels=labels)
        if linked:
            self.link(obj)
        return obj

    def link(self, obj: AilObject) -> None:
        """Note that an object was searched for; its image has a cluster from now on."""
        self.store.clusters.settle(obj.id, informative=True)
        self.store.links.mark_linked(obj.id)

    def known(self, collection: str, purpose: Purpose, *, image_id: str = "", **labels: str) -> str:
        """Add a picture of a collection that AIL does not hold, and return its image id; `image_id`: one that
        is in another collection.
        """
        if not image_id:
            self._count += 1
            image_id = hashlib.sha256(b"%d" % self._count).hexdigest()
        self.engine.create_collection(collection, purpose)
        image = replace(
            _features(), image_id=image_id, pixel_digest=hashlib.sha256(image_id.encode()).digest()
        )
        self.store.images.put(new_image(image), collection=collection, labels=labels)
        return image_id

    def judge(
        self,
        a: AilObject,
        b: AilObject | str,
        confidence: float = 0.97,
        *,
        relation: Relation = Relation.NEAR_DUPLICATE,
        decision: Decision = Decision.MATCH,
    ) -> None:
        other = b if isinstance(b, str) else b.id
        verdict = Verdict(decision, relation, confidence, Evidence(pdq_bits=4), "test-1", "PDQ 4/256")
        self.store.verdicts.record(a.id, [(other, verdict)])

    def write(self, obj: AilObject, **settings: object) -> Written:
        """Write about an object, and return what is written about it then."""
        changed = self.publisher(**settings).write(obj, stored_findings(self.engine, obj))
        entry = read_entry(self.engine, obj)
        return Written(
            correlated=tuple(line.other for line in entry.correlations),
            scores=tuple((row.other, row.score) for row in entry.duplicates),
            tags=tuple(tag.name for tag in entry.tags),
            note="".join(note.text for note in entry.notes),
            changed=changed,
        )

    def publisher(self, **settings: object) -> Publisher:
        """Return a publisher with these settings; the others have their defaults."""
        chosen = Settings(**settings)  # type: ignore[arg-type]
        return Publisher(self.engine, self.sink, chosen, self.options)

    def found(self, domain: str, *matches: AilObject, **options: object) -> AilObject:
        """Add an object that matches these and, as a whole, the representatives of their clusters; write
        about it, and return it.
        """
        obj = self.add(domain, linked=False)
        ids = [match.id for match in matches]
        whole = not {"relation", "decision"} & options.keys()
        leading = self.store.clusters.representatives(ids) if whole else []
        for match in (*matches, *sorted({one for some in leading for one in some} - {*ids})):
            self.judge(obj, match, **options)  # type: ignore[arg-type]
        self.link(obj)
        self.write(obj)
        return obj


def _features() -> ImageFeatures:
    if not _FEATURES:
        extractor = Extractor(Config())
        _FEATURES.append(extractor.extract(png(page(1, 320, 200)), name="page").features)
        extractor.close()
    return _FEATURES[0]
