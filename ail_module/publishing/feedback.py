"""What analysts answer in AIL becomes verdicts of persons in our store.

Takes objects that we tagged, reads their tags, gives what was heard. AIL's confirm button adds our tag with
`analyst-detection`: the two pictures are the same (`Engine.confirm`). The tag
`infoleak:confirmed="false-positive"`, or our review tag removed, says they are not (`Engine.veto`). Each
answer is acted upon once, and noted in the ledger afterwards: acting twice after a crash changes nothing.
What was said before we wrote, and tags that AIL may still have in a queue, say nothing; nor does that tag on
an image, since AIL's own OcrExtractor gives it to images that it cannot open. Review tags that are gone from
most objects at once were lost by AIL's tag database, not removed by a person, and say nothing either.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from douglas_quaid.engine import Engine
from douglas_quaid.errors import ConfigError, NotFound
from douglas_quaid.records import Decision, ImageId

from .. import tags
from ..config import Settings
from ..objects import AilObject
from .apply import Sink
from .findings import objects_of, stored_findings
from .ledger import Entry, Kind, Label, Ledger
from .reconcile import Reconciler
from .writer import StarWriter

log = logging.getLogger(__name__)

SAME = "same"
DIFFERENT = "different"

#: Objects that may lose their review tag between two passes, if they are more than half of those that had
#: one. chosen: nobody answers so many by hand in a minute, and an emptied or restored database loses them
#: all; a veto holds for good.
MOST_REMOVED = 20


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer about one pair."""

    obj: AilObject
    #: SAME or DIFFERENT.
    said: str
    other: ImageId
    #: Why nothing came of it, in words: a person had said otherwise, or the picture is gone.
    refused: str | None = None


def tagged(engine: Engine) -> Iterator[AilObject]:
    """The objects that an analyst may answer about, each at least once; reads the ledger as it is asked for."""
    for gid, entry in Ledger(engine).entries():
        if entry.labels:
            yield AilObject.parse(gid)


def feedback(
    engine: Engine, sink: Sink, objects: Iterable[AilObject], *, settings: Settings | None = None
) -> tuple[Heard, ...]:
    """Act upon what was answered about these objects since the last time. Raises StoreError, and what AIL
    raises when its servers are away.
    """
    listener = _Listener(engine, sink, settings or Settings())
    heard = [answer for obj in objects for answer in listener.listen(obj)]
    return (*heard, *listener.hear_removed())


class _Listener:
    def __init__(self, engine: Engine, sink: Sink, settings: Settings) -> None:
        self._engine = engine
        self._sink = sink
        self._same_domain = settings.same_domain
        self._ledger = Ledger(engine)
        self._reconciler = Reconciler(engine, sink, settings)
        self._writer = StarWriter(engine, sink, settings)
        self._asked = 0
        """Objects of this pass whose review tag AIL has or had."""
        self._removed: list[AilObject] = []
        """Those of them without the tag, and without another answer."""

    def listen(self, obj: AilObject) -> list[Heard]:
        entry = self._ledger.read(obj.gid)
        if not entry.labels:
            return []
        there = self._sink.tags(obj)
        same = [label for label in entry.labels if _is_confirmed(label, entry, there)]
        different = [
            image_id
            for image_id in self._rejected(obj, entry, there)
            if image_id not in {label.about for label in same}
        ]
        heard = [self._act(obj, SAME, label.about) for label in same] + self._separate(obj, different)
        self._asked += any(label.kind is Kind.REVIEW and label.seen for label in entry.labels)
        if not heard and _removed(obj, entry, there):
            self._removed.append(obj)
        if heard:
            self._follow(obj, heard)
        self._note(
            obj,
            there,
            [tags.analysts(label.tag) for label in same]
            + ([tags.FALSE_POSITIVE] if _is_rejected(obj, there) else []),
        )
        return heard

    def hear_removed(self) -> list[Heard]:
        """Act upon the review tags that were removed from what was listened to; upon none when too many are
        gone to be a person's doing.
        """
        if len(self._removed) > max(MOST_REMOVED, self._asked / 2):
            log.warning(
                "%s of %s objects lost their review tag at once: AIL's tag database lost them; nothing is vetoed",
                len(self._removed),
                self._asked,
            )
            return []
        heard = []
        for obj in self._removed:
            answers = self._separate(obj, _removed(obj, self._ledger.read(obj.gid), self._sink.tags(obj)))
            if answers:
                self._follow(obj, answers)
            heard += answers
        return heard

    def _act(self, obj: AilObject, said: str, other: ImageId) -> Heard:
        try:
            if said == SAME:
                self._engine.confirm(obj.id, other)
            else:
                self._engine.veto(obj.id, other)
        except (ConfigError, NotFound) as error:
            return Heard(obj, said, other, refused=str(error))
        return Heard(obj, said, other)

    def _separate(self, obj: AilObject, images: list[ImageId]) -> list[Heard]:
        """Veto the object against each of these. A cut runs where a cluster is weakest, which may be between
        two of these images; those are linked again, so that it is the object that leaves and not they.
        """
        before = self._engine.cluster_ids(images)
        heard = [self._act(obj, DIFFERENT, image_id) for image_id in images]
        for image_id, old, new in zip(images, before, self._engine.cluster_ids(images), strict=True):
            if old != new:
                with suppress(NotFound):  # forgotten
                    self._engine.link(image_id)
        return heard

    def _rejected(self, obj: AilObject, entry: Entry, there: set[str]) -> list[ImageId]:
        """Images that an analyst says are something else."""
        images: list[ImageId] = []
        if _is_rejected(obj, there) and tags.FALSE_POSITIVE not in entry.heard:
            images += [label.about for label in entry.labels]
            images += [AilObject.parse(row.other).id for row in entry.rows]
            images += [edge.via or AilObject.parse(edge.other).id for edge in entry.edges]
            across = (
                found.hit
                for found in stored_findings(self._engine, obj)
                if self._same_domain or not found.same_domain
            )
            images += [hit.image_id for hit in across if hit.decision is Decision.MATCH]
        return [image_id for image_id in dict.fromkeys(images) if image_id != obj.id]

    def _follow(self, obj: AilObject, heard: list[Heard]) -> None:
        """Bring what is written about these into line with what was said. Of a large cluster that a veto
        split the rest follows step by step: with whatever is written about it next, and with the listener's
        next pass.
        """
        for each in dict.fromkeys([obj, *(other for answer in heard for other in objects_of(answer.other))]):
            self._reconciler.check(each)
        if any(answer.said == SAME and not answer.refused for answer in heard):
            self._writer.write(obj, stored_findings(self._engine, obj))

    def _note(self, obj: AilObject, there: set[str], words: list[str]) -> None:
        """Which of our tags AIL has by now, and which answers are done with."""
        with self._ledger.hold(obj.gid):
            before = self._ledger.read(obj.gid)
            labels = tuple(replace(label, seen=label.seen or label.tag in there) for label in before.labels)
            after = replace(before, labels=labels, heard=tuple(sorted({*before.heard, *words})))
            if after != before:
                self._ledger.write(obj.gid, after)


def _is_rejected(obj: AilObject, there: set[str]) -> bool:
    """Images have that word from AIL itself: bin/modules/OcrExtractor.py, which sees no screenshots."""
    return obj.type == "screenshot" and tags.FALSE_POSITIVE in there


def _removed(obj: AilObject, entry: Entry, there: set[str]) -> list[ImageId]:
    """Images of which a review tag asked that AIL had and has no more."""
    questions = [
        label for label in entry.labels if label.kind is Kind.REVIEW and label.seen and entry.settled
    ]
    return [
        label.about
        for label in questions
        if label.about != obj.id and label.tag not in there and tags.analysts(label.tag) not in there
    ]


def _is_confirmed(label: Label, entry: Entry, there: set[str]) -> bool:
    """Tags of a collection are about a page and its imitation, which are not the same whoever confirms them."""
    word = tags.analysts(label.tag)
    return (
        label.kind is not Kind.REFERENCE and word != label.tag and word in there and word not in entry.heard
    )
