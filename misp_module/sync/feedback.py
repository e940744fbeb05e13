"""What analysts of a MISP reject becomes vetoes in the store, and is taken back with the tag.

A veto says that two images are not the same, whatever was measured. An analyst tags an attribute with
`false-positive:...` or `workflow:state="rejected"`. On an attribute of a saved `image-similarity` object,
that rejects each pair of the queried picture and one that the object names. On an attribute with a picture,
it rejects every stored match of that picture. Tags are searched for in every pass, since a local tag changes
no timestamp; what is done is remembered.

A ledger in the store holds the pairs that each tag rejects. When the tag is removed, the judgements that it
made are undone, unless another tag rejects the pair too. A judgement that somebody else made about the pair
stays, and so does one whose attribute or event was deleted, or is no longer shown to us: that takes nothing
back.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from douglas_quaid import Correlator, NotFound
from douglas_quaid.batches import in_groups
from douglas_quaid.records import Judgement, JudgementWord

from ..attributes import FILE_TYPES, occurrence_of
from .attribute import Attribute, Outcome, Status
from .bookmark import PersistentSet, digest
from .client import Client
from .read import UUIDS_PER_REQUEST, walk

#: Tag of the workflow taxonomy that rejects. spec: MISP taxonomy workflow.
REJECTED = 'workflow:state="rejected"'
#: Tags that are searched for; % is a wildcard. spec: MISP taxonomies false-positive and workflow.
REJECTING = ("false-positive", "false-positive:%", REJECTED)
#: Tags of the taxonomy false-positive that do not reject. spec: MISP taxonomy false-positive.
NOT_REJECTING = (
    'false-positive:confirmed="false"',
    'false-positive:risk="low"',
    'false-positive:risk="cannot-be-judged"',
)
#: Maximum number of tags whose removal between two passes is followed without being asked. chosen: more are
#: rather a restored database or a clean-up of tags than the work of analysts.
MAX_REMOVED = 20

#: Two images that are not the same, by their ids, the lesser first.
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackOptions:
    """How the feedback is read."""

    #: Attributes in one listing.
    page_size: int
    #: Whether nothing is written.
    dry_run: bool
    #: Whether the removal of more than MAX_REMOVED tags is followed.
    accept: bool


def feedback(
    engine: Correlator, client: Client, report: Callable[[Outcome], None], options: FeedbackOptions
) -> None:
    """Veto what the rejected attributes mean, and undo what removed tags meant, once.

    Raises MispAway, MispRefused, StoreError.
    """
    this = _Feedback(engine, client, report, dry_run=options.dry_run)
    tagged: set[str] = set()
    pictures: list[Attribute] = []
    in_objects: dict[str, list[Attribute]] = {}
    for rows in walk(partial(client.tagged, REJECTING), size=options.page_size, sorts=client.sorts()):
        for row in filter(_is_rejected, rows):
            tagged.add(row.uuid)
            if row.type in FILE_TYPES:
                pictures.append(row)
            elif row.object_id is not None and row.uuid not in this.done:
                in_objects.setdefault(row.event, []).append(row)
    this.take_back(tagged, accept=options.accept)
    for row in pictures:
        this.reject_all_hits(row)
    for event, rejected in in_objects.items():
        this.reject_results(event, rejected)
    this.done.save()


def _is_rejected(attribute: Attribute) -> bool:
    """Whether a tag of its own rejects it; MISP's search also returns attributes of tagged events."""
    tags = {tag.casefold() for tag in attribute.tags} - set(NOT_REJECTING)
    rejecting = any(tag == REJECTED or tag.partition(":")[0] == REJECTING[0] for tag in tags)
    return rejecting and not attribute.deleted


class _Feedback:
    """One reading of the feedback."""

    def __init__(
        self, engine: Correlator, client: Client, report: Callable[[Outcome], None], *, dry_run: bool
    ) -> None:
        self._engine, self._client, self._report, self._dry_run = engine, client, report, dry_run
        misp = digest(client.url)
        #: UUIDs of attributes of objects whose tag needs no further work.
        self.done = PersistentSet(engine, f"misp:rejections:{misp}")
        self._prefix = f"misp:rejection:{misp}:"
        #: The pairs that the tag of each attribute (UUID) rejects.
        self._ledger: dict[str, set[Pair]] = {
            name.removeprefix(self._prefix): {(first, second) for first, second in json.loads(text)}
            for name, text in engine.bookmarks(self._prefix)
        }

    # -- a new tag -------------------------------------------------------------------------------------------

    def reject_all_hits(self, row: Attribute) -> None:
        """Veto all stored verdicts about the image of the attribute."""
        images = _images(self._engine, row.uuid)
        if not images:
            self._missing(row, row.uuid)
        for image_id in images:
            try:
                others = [hit.image_id for hit in self._engine.hits(image_id)]
                own = [
                    said.image_id
                    for said in self._engine.judgements(image_id)
                    if said.source == row.occurrence
                ]
            except NotFound:  # forgotten meanwhile
                self._missing(row, row.uuid)
                continue
            self._veto(row, image_id, [*others, *own])

    def reject_results(self, event: str, rejected: Iterable[Attribute]) -> None:
        """Veto the pairs of the saved results of our module that these attributes of an event (UUID)
        reject.
        """
        similarities = self._client.similarities(event)
        for row in rejected:
            complete = True
            for saved in similarities:
                if row.uuid in saved.attributes:
                    for queried in saved.queried:
                        for found in saved.found:
                            complete &= self._veto_between(row, queried, found)
            if complete and not self._dry_run:
                self.done.add(row.uuid)

    def _veto_between(self, row: Attribute, queried: str, found: str) -> bool:
        """Veto the images of two attributes (UUIDs). Returns whether all of them are in the store."""
        both = [_images(self._engine, uuid) for uuid in (queried, found)]
        for uuid, images in zip((queried, found), both, strict=True):
            if not images:
                self._missing(row, uuid)
        vetoed = [self._veto(row, image_id, self._copies(image_id, both[1])) for image_id in both[0]]
        return all(both) and all(vetoed)

    def _copies(self, image_id: str, found: Sequence[str]) -> list[str]:
        """The found images, and those that the image matches in their clusters: a result names one attribute
        and stands for all copies.
        """
        clusters = set(filter(None, self._engine.cluster_ids(found)))
        with suppress(NotFound):  # forgotten meanwhile
            hits = self._engine.hits(image_id)
            return [*found, *(hit.image_id for hit in hits if clusters.intersection(hit.clusters[:1]))]
        return list(found)

    def _veto(self, row: Attribute, image_id: str, others: Iterable[str]) -> bool:
        """Veto an image and others, and note the pairs. Returns whether all of them are in the store."""
        pairs, complete = set(), True
        for other in dict.fromkeys(others):
            if other == image_id:  # the same bytes in two attributes
                continue
            try:
                said = _said(self._engine, image_id, other)
                if said is None or said.word not in _APART:  # else the pair is kept apart already
                    if not self._dry_run:
                        self._engine.veto(image_id, other, source=row.occurrence)
                    status = Status.WOULD_VETO if self._dry_run else Status.VETOED
                    self._report(Outcome.of(row, status, image_id=image_id, reason=f"not image {other}"))
                pairs.add((min(image_id, other), max(image_id, other)))
            except NotFound:  # forgotten meanwhile
                self._missing(row, row.uuid)
                complete = False
        noted = self._ledger.get(row.uuid, set())
        if not self._dry_run and not pairs <= noted:
            self._ledger[row.uuid] = noted | pairs
            self._engine.set_bookmark(self._prefix + row.uuid, json.dumps(sorted(noted | pairs)))
        return complete

    def _missing(self, row: Attribute, missing: str) -> None:
        reason = f"rejected, but the image of attribute {missing} is not in the store"
        self._report(Outcome.of(row, Status.NOT_IN_STORE, reason=reason))

    # -- a tag that was removed ------------------------------------------------------------------------------

    def take_back(self, tagged: set[str], *, accept: bool) -> None:
        """Undo what tags meant that are no longer among those of `tagged` attributes (UUIDs)."""
        missing = [uuid for uuid in self._ledger if uuid not in tagged]
        there = {
            row.uuid: row
            for group in in_groups(missing, UUIDS_PER_REQUEST)
            for row in self._client.named(group)
        }
        untagged = [there[uuid] for uuid in missing if uuid in there and not _is_rejected(there[uuid])]
        if len(untagged) > MAX_REMOVED and not accept:
            reason = f"its tag was removed, as those of {len(untagged)} attributes since the last pass"
            for row in untagged:
                self._report(Outcome.of(row, Status.TO_ACCEPT, reason=reason))
            return
        taken = {row.uuid: self._ledger[row.uuid] for row in untagged}
        for uuid in [*taken, *(uuid for uuid in missing if uuid not in there)]:
            del self._ledger[uuid]
        for row in untagged:
            for pair in sorted(taken[row.uuid]):
                self._undo(row, pair)
        if not self._dry_run:
            for uuid in (uuid for uuid in missing if uuid not in self._ledger):
                self._engine.set_bookmark(self._prefix + uuid, None)
                self.done.discard(uuid)

    def _undo(self, row: Attribute, pair: Pair) -> None:
        """Undo what the attribute's tag said of a pair, unless another said so too or has judged since."""
        try:
            said = _said(self._engine, *pair)
            if said is None or said.source != row.occurrence or said.word not in _APART:
                return
            others = [uuid for uuid, pairs in self._ledger.items() if pair in pairs and uuid != row.uuid]
            if others:
                if not self._dry_run:
                    self._engine.veto(*pair, source=occurrence_of(others[0]))
                return
            if not self._dry_run:
                self._engine.undo(*pair)
            status = Status.WOULD_UNDO if self._dry_run else Status.UNDONE
            reason = f"image {pair[1]} may be the same: the tag was removed"
            self._report(Outcome.of(row, status, image_id=pair[0], reason=reason))
        except NotFound:  # forgotten, or undone meanwhile
            return


#: Words that keep two images apart.
_APART = (JudgementWord.DIFFERENT, JudgementWord.SAME_DESIGN)


def _said(engine: Correlator, image_id: str, other: str) -> Judgement | None:
    """What somebody said of two images. Raises NotFound."""
    return next((said for said in engine.judgements(image_id) if said.image_id == other), None)


def _images(engine: Correlator, attribute: str) -> list[str]:
    (seen,) = engine.sightings([occurrence_of(attribute)])
    return [one.image_id for one in seen]
