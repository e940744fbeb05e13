"""Records that older rules made, extracted again from the pictures' bytes: `quaid reextract`.

    all images -> which are outdated? -> bytes, from where they were seen -> features -> record -> link
    all images -> which were renewed? -> their older verdicts, judged again

A picture whose features are the same gets the new revision and nothing else. The verdicts of the others rest
on features that are gone: those that `link` does not find again are judged when everything that can be
renewed is, because until then their other side may be old, too. So no cluster is taken apart that would come
together again a moment later. The verdicts about blank pictures, two of which were identical once, are judged
again, too, even where their bytes are gone. What cannot be compared, because the other side was extracted by
another version and its bytes are nowhere to be had, stays as it was judged.

Every step may be repeated. The store knows how far the first walk has come, which images wait for their link,
and which have verdicts to be judged again, so a run that was killed is continued by the next, and several may
run at once.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from .batches import in_groups, in_parallel
from .decision.calibration import Calibration
from .decision.decide import Context, decide
from .decision.redecide import PAIRS_AT_ONCE
from .errors import DouglasQuaidError, FormatError, ImageError, NotFound
from .extraction.extractor import Extractor
from .features import as_stored, is_hash_only, without
from .features.outdated import STAMP, is_same, outdated
from .features.picture import Picture
from .index.new_image import new_image
from .options import Options
from .records import PERSON, Configuration, ImageFeatures, ImageId, Purpose, Sighting, Verdict
from .search.hits import Found
from .search.references import References, read_record
from .store import Store, joins
from .verification.verify import verify_closely

#: Records read at once. chosen: 1 MB of screenshots; 16 MiB is the limit of one.
RECORDS_AT_ONCE = 32

#: Returns the bytes of an image from where it was seen. Raises NotFound when they are nowhere to be had.
ReadImage = Callable[[ImageId, Sequence[Sighting]], bytes]


class RenewalStatus(str, Enum):
    """What became of an outdated image."""

    #: It has other features now, or is blank, and was linked again.
    RENEWED = "renewed"
    #: Its features are the same by the present rules, or another process has renewed them.
    UNCHANGED = "unchanged"
    #: Its bytes are nowhere to be had; it stays as it is.
    UNREACHABLE = "unreachable"
    #: Its bytes cannot be decoded any more, or its record cannot be read; it stays as it is.
    FAILED = "failed"
    #: A dry run would try to renew it.
    OUTDATED = "outdated"


@dataclass(frozen=True, slots=True)
class Renewed:
    """What became of an outdated image."""

    #: The image.
    image_id: ImageId
    #: What was done.
    status: RenewalStatus
    #: What was outdated (features/outdated.py); empty where the record cannot be read.
    outdated: tuple[str, ...]
    #: Why it is unreachable or failed.
    error: DouglasQuaidError | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the line for `--json`."""
        line: dict[str, Any] = {
            "image_id": self.image_id,
            "status": self.status.value,
            "outdated": list(self.outdated),
        }
        if self.error is not None:
            line["error"] = {"type": type(self.error).__name__, "message": str(self.error)}
        return line


@dataclass(frozen=True, slots=True, eq=False)
class _Due:
    """An image that is to be renewed, or was renewed by a run that was killed before the link."""

    record: bytes
    features: ImageFeatures
    outdated: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Renewal:
    """Renews what older rules extracted, for an engine that links and searches. Threads may share it."""

    #: The store.
    store: Store
    #: Decodes pictures and extracts their features.
    extractor: Extractor
    #: Options of the engine.
    options: Options
    #: Number of pictures at a time.
    threads: int
    #: Returns the calibration that is judged by.
    calibration: Callable[[], Calibration]
    #: Searches for a stored image and keeps what is found.
    link: Callable[[Picture], object]
    #: Searches for a stored image among all others, both ways.
    search: Callable[[Picture], Found]
    #: Links again what waits for it.
    mend: Callable[[], None]

    def run(
        self,
        read: ReadImage,
        *,
        limit: int | None = None,
        dry_run: bool = False,
        tell: Callable[[int], None] = lambda images: None,
    ) -> Iterator[Renewed]:
        """Do as `Engine.reextract`."""
        left = sys.maxsize if limit is None else limit
        walk = self.store.images.ids_after() if dry_run else self.store.walk("reextract", STAMP)
        for ids in walk:
            for some in in_groups(ids, RECORDS_AT_ONCE):
                due, broken = self._due(some)
                yield from broken
                while due and left:
                    group, due = due[:left], due[left:]
                    for outcome in self._all_renewed(group, read, dry_run=dry_run):
                        left -= outcome.status in (RenewalStatus.RENEWED, RenewalStatus.UNCHANGED)
                        yield outcome
            tell(len(ids))
            if not left:
                break
        if not dry_run:
            self._judge_all_again()

    def _due(self, ids: Sequence[ImageId]) -> tuple[list[_Due], list[Renewed]]:
        """Return which of these images are to be renewed, and which cannot be read."""
        unlinked = {found.image_id for found in self.store.links.renewals(ids) if not found.linked}
        due, broken = [], []
        for image_id, record in zip(ids, self.store.images.records(ids), strict=True):
            if record is None:  # forgotten meanwhile
                continue
            try:
                features = read_record(image_id, record)
            except FormatError as error:
                broken.append(Renewed(image_id, RenewalStatus.FAILED, (), error))
                continue
            why = outdated(features)
            if why or image_id in unlinked:
                due.append(_Due(record, features, why))
        return due, broken

    def _all_renewed(self, group: Iterable[_Due], read: ReadImage, *, dry_run: bool) -> Iterator[Renewed]:
        if dry_run:
            yield from (Renewed(due.features.image_id, RenewalStatus.OUTDATED, due.outdated) for due in group)
            return
        for outcome in in_parallel(lambda due: self._renew(due, read), group, self.threads):
            if outcome is not None:
                yield outcome

    def _renew(self, due: _Due, read: ReadImage) -> Renewed | None:
        """Renew one image and return what became of it; None if it was forgotten meanwhile."""
        image_id = due.features.image_id
        try:
            (info,) = self.store.images.infos([image_id])
            if info is None:
                return None
            data = read(image_id, info.sightings)
            picture = self.extractor.extract(
                data, name=f"image {image_id}", hash_only=is_hash_only(due.features)
            )
        except (NotFound, ImageError, FormatError) as error:
            if not due.outdated:  # nothing but its link is missing
                self.link(Picture(due.features))
                return Renewed(image_id, RenewalStatus.RENEWED, ())
            if not due.features.informative:
                self.store.links.mark_renewed(image_id)
            status = RenewalStatus.UNREACHABLE if isinstance(error, NotFound) else RenewalStatus.FAILED
            return Renewed(image_id, status, due.outdated, error)
        picture = _as_much_as_before(picture, due.features)
        # Two blank pictures were identical once, so what an older version said of one is judged again.
        same = is_same(due.features, as_stored(picture.features)) and picture.features.informative
        entry = new_image(picture.features)
        if not self.store.images.renew(entry, before=due.record, only_record=same):
            return Renewed(image_id, RenewalStatus.UNCHANGED, due.outdated)
        if same and due.outdated:
            return Renewed(image_id, RenewalStatus.UNCHANGED, due.outdated)
        self.link(picture)
        return Renewed(image_id, RenewalStatus.RENEWED, due.outdated)

    # -- verdicts that rest on older features ----------------------------------------------------------------

    def _judge_all_again(self) -> None:
        """Judge the verdicts that are older than the features of one of their images."""
        for ids in self.store.images.ids_after():
            for renewal in self.store.links.renewals(ids):
                if not renewal.judged:
                    others = self.store.verdicts.before(renewal.image_id, renewal.at)
                    self._judge_again(renewal.image_id, others)
                    self.store.links.mark_judged(renewal)
                    self.mend()

    def _judge_again(self, image_id: ImageId, others: Sequence[ImageId]) -> None:
        """Put what the present features say in the place of the verdicts about an image and these others:
        what a search says, which knows what else agrees, or else the pair by itself.
        """
        (query,) = References(self.store).read([image_id])
        if query is None or not others:
            return
        judged = sorted(self.search(query).judged, key=lambda found: found.accepted)
        found = {one.image_id: one.verdict for one in judged if one.verdict.calibration_id != PERSON}
        for some in in_groups(others, PAIRS_AT_ONCE):
            pairs = []
            for other, reference in zip(some, References(self.store).read(some), strict=True):
                if reference is not None:
                    pairs.append((other, found.get(other) or self._judged_alone(query, reference)))
            kept = [(other, verdict) for other, verdict in pairs if not _says_nothing(verdict)]
            self._await_links(image_id, [other for other, verdict in kept if not joins(verdict)])
            self.store.verdicts.record(image_id, kept)
        if not query.features.informative:
            self.store.clusters.settle(image_id, informative=False)

    def _await_links(self, image_id: ImageId, others: Sequence[ImageId]) -> None:
        """Let those of an image's cluster that are about to part from it be linked again: the image may have
        been all that connected them.
        """
        cluster, *clusters = self.store.clusters.ids([image_id, *others])
        for other, its in zip(others, clusters, strict=True):
            if cluster is not None and its == cluster and self.store.links.is_linked(other):
                self.store.links.await_link(other)

    def _judged_alone(self, query: Picture, reference: Picture) -> Verdict:
        (baseline,) = self.store.collections.members_by_purpose(Purpose.BASELINE)
        sides = {query.features.image_id, reference.features.image_id}
        of_verification = self.options.verification
        evidence = verify_closely(query, reference, thorough=True, options=of_verification).evidence
        context, options = Context(baseline=bool(baseline & sides)), self.options.decision.verdict
        return decide(evidence, context, self.calibration(), options=options)

    def worth_keeping(
        self, image_id: ImageId, judged: Sequence[tuple[ImageId, Verdict]]
    ) -> list[tuple[ImageId, Verdict]]:
        """Return the verdicts without those that say nothing about a pair that was judged before."""
        if all(not _says_nothing(verdict) for _, verdict in judged):
            return list(judged)
        known = {found.image_id for found in self.store.verdicts.scored([image_id])[0]}
        return [one for one in judged if not (one[0] in known and _says_nothing(one[1]))]

    def follow(self, image_id: ImageId, others: Sequence[ImageId], since: float) -> None:
        """Judge again what was judged by features that were renewed since the link began: the walk that
        renewed them may have passed before these verdicts were there.
        """
        while others:
            renewals = self.store.links.renewals([image_id, *others])
            renewed = {found.image_id for found in renewals if found.at >= since}
            stale = [other for other in others if other in renewed or image_id in renewed]
            since = time.time()
            self._judge_again(image_id, stale)
            others = stale


def _as_much_as_before(picture: Picture, before: ImageFeatures) -> Picture:
    """The picture without a thumbnail, if none was kept: whoever left it off had a reason."""
    if before.thumbnail is not None or picture.features.thumbnail is None:
        return picture
    return replace(picture, features=without(picture.features, "thumbnail"))


def _says_nothing(verdict: Verdict) -> bool:
    """Whether the two were extracted by different versions, so that nothing confirms or refutes a match."""
    return verdict.evidence.configuration is Configuration.INCOMPARABLE
