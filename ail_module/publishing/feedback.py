"""What analysts answer in AIL becomes judgements of persons in the store.

AIL's confirm button adds our tag with `analyst-detection`: the two pictures are the same (`Engine.confirm`).
The tag `infoleak:confirmed="false-positive"`, or the removal of one of our tags, says that they are not
(`Engine.veto`). A removed tag is an answer about the picture that the ledger names beside it:

    of a review      the two are different
    of a match       the two are different, and the object leaves their cluster
    of a collection  the object is not what that picture stands for, such as a brand

Each answer is acted upon once, and noted in the ledger afterwards; acting twice after a crash changes
nothing. These are no answers:

    a tag that was there before this module wrote, or that may still be in AIL's queue
    a false positive at an image, because AIL's own OcrExtractor tags images so that it cannot open
    the removed tag of a file that was seen at several places: it names no other picture
    a removed tag of a domain or a crawled item: it names no picture at all

Tags that disappeared from many objects at once wait until somebody says what it was (removed.py).
"""

import logging
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from douglas_quaid import ConfigError, Correlator, Decision, ImageId, NotFound

from .. import tags
from ..config import Settings
from ..objects import AilObject
from .apply import Sink
from .ledger import (
    Entry,
    Kind,
    Tag,
    cluster_keys,
    hold,
    read_entry,
    write_entry,
)
from .publisher import Publisher, PublishingOptions
from .removed import put_off, waiting
from .store_view import StoreView, find_cluster, objects_of, stored_findings

log = logging.getLogger(__name__)

#: The analyst says that the two show the same picture.
SAME = "same"
#: The analyst says that they do not.
DIFFERENT = "different"
#: The analyst says that the object is not what the other picture stands for.
NOT_THIS = "not-this-brand"
#: Maximum number of times that the matches of an object which leaves its cluster are read, each at most
#: MAX_HITS. chosen: a thousand.
MAX_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer about one pair."""

    #: The object at which the analyst answered.
    obj: AilObject
    #: SAME, DIFFERENT or NOT_THIS.
    said: str
    #: The image that the answer is about.
    other: ImageId
    #: Why the answer was not followed, as a sentence; None if it was.
    refused: str | None = None


class FeedbackReader:
    """Reads the answers of one pass over all objects, and acts upon them: `read` for each object, then
    `finish`.

    Both methods may raise StoreError, and what AIL raises while its servers are away.
    """

    def __init__(
        self, engine: Correlator, sink: Sink, settings: Settings, options: PublishingOptions | None = None
    ) -> None:
        self._engine, self._sink, self._settings = engine, sink, settings
        self._max_removed = (options or PublishingOptions()).max_removed
        self._publisher = Publisher(engine, sink, settings, options)
        #: Objects of this pass that lost tags since the last one, with the names of these.
        self._removed: dict[AilObject, tuple[str, ...]] = {}
        #: Objects that lost tags before which wait, those that were read in this pass apart.
        self._waiting = dict(waiting(engine))

    def read(self, obj: AilObject) -> list[Answer]:
        """Act upon the answers at an object since the last pass, and return them. Removed tags have to wait
        for `finish`.
        """
        waited = self._waiting.pop(obj, ())  # they go on waiting, whatever else is answered here
        entry = read_entry(self._engine, obj)
        if not entry.lines:
            if waited:  # about nothing any more
                put_off(self._engine, obj, ())
            return []
        there = self._sink.tags(obj)
        same = [tag for tag in entry.tags if tag.about != obj.id and _is_confirmed(tag, entry, there)]
        confirmed = {tag.about for tag in same}
        different = [image_id for image_id in self._rejected(obj, entry, there) if image_id not in confirmed]
        answers = [self._act(obj, SAME, tag.about) for tag in same] + self._separate(obj, different)
        if answers:
            self._follow(obj, answers)
        else:
            self._look_for_removed(obj, entry, there, waited)
        heard = [tags.analysts(tag.name) for tag in same]
        self._note(obj, there, heard + [tags.FALSE_POSITIVE] * _is_rejected(obj, there))
        return answers

    def _look_for_removed(
        self, obj: AilObject, entry: Entry, there: set[str], waited: Collection[str]
    ) -> None:
        removed = [tag.name for tag in _removed(obj, entry, there)]
        still = [name for name in waited if name in removed]
        if len(still) < len(waited):  # AIL has the others again, or they are not wanted any more
            put_off(self._engine, obj, still)
        if new := tuple(name for name in removed if name not in still):
            self._removed[obj] = (*still, *new)

    def finish(self) -> Iterator[Answer]:
        """Act upon the removed tags, object by object, and yield the answers; too many for a person wait."""
        for obj in self._waiting:  # nothing is written about them any more
            put_off(self._engine, obj, ())
        if len(self._removed) <= self._max_removed:
            for obj, names in self._removed.items():
                yield from self.accept(obj, names)
            return
        for obj, names in self._removed.items():
            put_off(self._engine, obj, names)
        log.warning(
            "%s objects lost tags of ours since the last pass: an analyst cleaned up, or AIL's tag database "
            "was lost or restored. Nothing is judged until `quaid ail feedback --accept` or --restore",
            len(self._removed),
        )

    def accept(self, obj: AilObject, names: Collection[str]) -> list[Answer]:
        """Act upon those of these tags that were removed from an object, and return the answers."""
        there = self._sink.tags(obj)
        removed = [tag for tag in _removed(obj, read_entry(self._engine, obj), there) if tag.name in names]
        answers: list[Answer] = []
        # Of two tags about one picture that of a match says more, and comes first in the ledger.
        for about, kind in {tag.about: tag.kind for tag in reversed(removed)}.items():
            if kind is Kind.REFERENCE:
                answers.append(self._act(obj, NOT_THIS, about))
            elif kind is Kind.MATCH:
                answers += self._leave(obj, about)
            else:
                answers += self._separate(obj, [about])
        if answers:
            self._forget_tags(obj, removed)
            self._follow(obj, answers)
        put_off(self._engine, obj, ())
        return answers

    def restore(self, obj: AilObject, names: Collection[str]) -> bool:
        """Write those of these tags again that an object should have. Return whether AIL was changed."""
        lost = _removed(obj, read_entry(self._engine, obj), self._sink.tags(obj))
        self._forget_tags(obj, [tag for tag in lost if tag.name in names])
        put_off(self._engine, obj, ())
        return self._publisher.check(obj)

    def _forget_tags(self, obj: AilObject, gone: Collection[Tag]) -> None:
        """Take tags that AIL has no longer out of the ledger. One that is wanted still comes back."""
        with hold(self._engine, obj):
            entry = read_entry(self._engine, obj)
            kept = tuple(tag for tag in entry.tags if tag not in gone)
            write_entry(self._engine, obj, replace(entry, tags=kept))

    def _leave(self, obj: AilObject, about: ImageId) -> list[Answer]:
        """Veto the object against a picture that it matches. If that is of the object's own cluster, the
        object leaves the cluster: the veto goes for all that AIL would show it to match there.
        """
        home, theirs = cluster_keys(self._engine, [obj.id, about])
        cluster = find_cluster(self._engine, home) if home == theirs else None
        # (where they are later does not say, because each veto may split the cluster)
        members = frozenset(cluster.members if cluster else ())
        images, answers = [about], list[Answer]()
        for _ in range(MAX_ROUNDS):
            answers += self._separate(obj, images)
            view = StoreView(self._engine, self._settings, obj)
            images = list(dict.fromkeys(found.hit.image_id for found in view.matches))
            images = [image_id for image_id in images if image_id in members]
            if not images:
                break
        return answers

    def _act(self, obj: AilObject, said: str, other: ImageId) -> Answer:
        judge = self._engine.confirm if said == SAME else self._engine.veto
        try:
            judge(obj.id, other, source=str(obj.occurrence))
        except (ConfigError, NotFound) as error:
            return Answer(obj, said, other, refused=str(error))
        return Answer(obj, said, other)

    def _separate(self, obj: AilObject, images: list[ImageId]) -> list[Answer]:
        """Veto the object against each of these images.

        A veto cuts a cluster where it is weakest, which may be between two of these images. Those are linked
        again, so that the object leaves and not they.
        """
        before = self._engine.cluster_ids(images)
        answers = [self._act(obj, DIFFERENT, image_id) for image_id in images]
        for image_id, old, new in zip(images, before, self._engine.cluster_ids(images), strict=True):
            if old != new:
                with suppress(NotFound):  # forgotten
                    self._engine.link(image_id)
        return answers

    def _rejected(self, obj: AilObject, entry: Entry, there: set[str]) -> list[ImageId]:
        """Images from which an analyst says the object differs: all that AIL shows it to match."""
        if not _is_rejected(obj, there) or tags.FALSE_POSITIVE in entry.heard:
            return []
        images = [tag.about for tag in entry.tags]
        images += [row.other.id for row in entry.duplicates]
        images += [line.via or line.other.id for line in entry.correlations]
        images += [
            found.hit.image_id
            for found in stored_findings(self._engine, obj)
            if found.hit.decision is Decision.MATCH and (self._settings.same_domain or not found.same_domain)
        ]
        return [image_id for image_id in dict.fromkeys(images) if image_id != obj.id]

    def _follow(self, obj: AilObject, answers: list[Answer]) -> None:
        """Bring what is written about these objects into line with the answers.

        If a veto split a large cluster, the rest of it follows step by step, with later writes and passes.
        """
        others = (other for answer in answers for other in objects_of(answer.other))
        for each in dict.fromkeys([obj, *others]):
            self._publisher.check(each)
        if any(answer.said == SAME and not answer.refused for answer in answers):
            self._publisher.write(obj, stored_findings(self._engine, obj))

    def _note(self, obj: AilObject, there: set[str], heard: list[str]) -> None:
        """Note which of our tags AIL has by now, and which answers were acted upon."""
        with hold(self._engine, obj):
            before = read_entry(self._engine, obj)
            seen = tuple(replace(tag, seen=tag.seen or tag.name in there) for tag in before.tags)
            after = replace(before, tags=seen, heard=tuple(sorted({*before.heard, *heard})))
            if after != before:
                write_entry(self._engine, obj, after)


def _is_rejected(obj: AilObject, there: set[str]) -> bool:
    """Whether an analyst called a screenshot a false positive. Images get that tag from AIL itself
    (bin/modules/OcrExtractor.py).
    """
    return obj.type == "screenshot" and tags.FALSE_POSITIVE in there


def meaning(engine: Correlator, obj: AilObject, names: Collection[str]) -> list[Answer]:
    """Return what it says that these tags of an object were removed. Raises StoreError."""
    asked = (tag for tag in read_entry(engine, obj).tags if tag.name in names)
    return [Answer(obj, NOT_THIS if tag.kind is Kind.REFERENCE else DIFFERENT, tag.about) for tag in asked]


def _removed(obj: AilObject, entry: Entry, there: set[str]) -> list[Tag]:
    """Tags that AIL had and has no longer, each of which names another picture."""
    return [
        tag
        for tag in entry.tags
        if entry.settled
        and tag.seen
        and tag.about != obj.id
        and not there & {tag.name, tags.analysts(tag.name)}
    ]


def _is_confirmed(tag: Tag, entry: Entry, there: set[str]) -> bool:
    """Whether an analyst confirmed a tag. Tags of collections do not count: an imitation is not the same
    picture as the original, whoever confirms it.
    """
    answer = tags.analysts(tag.name)
    return (
        tag.kind is not Kind.REFERENCE
        and answer != tag.name
        and answer in there
        and answer not in entry.heard
    )
