"""Forgetting an image so that nothing of it can be found again, and finishing what was interrupted (see
intents.py).

Steps: remove the record and all else in the image's own shard, row and words overwritten, and mark the image;
raise every fence, so that no writer who saw the image can still write about it; finish the changes by others
that mention it; drop the verdicts about it on its partners' sides; take it out of clusters, edges and vetoes;
remove the list of partners and the mark.

The first step is one script, and from then on the mark stands for the rest: the image cannot be added while
it is there, and whoever opens the store, or wants to add the image, does what remains. So no intent is
recorded, and what is forgotten because it is seen nowhere any more (places.py) takes the same way. The last
step moves the fence of the shard with the mark, so that nobody who still works on this forgetting can touch
the image once somebody has added it again.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import NotFound, StoreError
from ..records import ImageId
from .columns import compact_if_worth_it
from .intents import ATTEMPTS, Interrupted, gave_up
from .judgements import Judgements
from .keys import SHARDS, TAGS, as_text, key, shard
from .purging import rewrite_files
from .scripts import BUMP, FORGET_IMAGE, Command

#: Partners whose sides one round of scripts cleans. chosen: some milliseconds of a server's time.
PARTNERS_AT_ONCE = 500


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What forgetting an image removed."""

    image_id: ImageId
    occurrences: int
    verdicts: int
    #: Images that left their cluster because this one had connected them; to be linked again (also in
    #: `waiting_for_link`).
    unlinked: tuple[ImageId, ...]


class Forgetting(Judgements):
    """The part of the store that forgets."""

    def forget(self, image_id: ImageId) -> ForgetReport:
        """Remove an image and everything that names it. Raises NotFound when it is not in the store."""
        begun, occurrences = self._begin(image_id)
        if not begun:
            raise NotFound(f"image {image_id} is not in the store")
        return replace(self._finish_forgetting([image_id])[0], occurrences=occurrences)

    def purge(self) -> None:
        """Have every server write its files anew, so that what was forgotten is not in them either; returns
        when that is done.
        """
        rewrite_files(self.connection)

    def finish_intents(self) -> list[ForgetReport]:
        """Finish the changes that were interrupted by a crash; gives the reports of the forgets among them."""
        for intent in self._journal.pending():
            self._record(intent, recorded=True)
        marked = self.connection.run([Command(tag, "SMEMBERS", key(tag, "forgetting")) for tag in SHARDS])
        return [self._forget(as_text(member)) for members in marked for member in sorted(members)]

    def _begin(self, image_id: ImageId) -> tuple[int, int]:
        begun, occurrences = self.connection.ask(FORGET_IMAGE(shard(image_id), "begin", image_id))
        return begun, occurrences

    def _finish_forgetting(self, ids: Sequence[ImageId]) -> list[ForgetReport]:
        """Forget images that are marked, and compact their shards where that is worth it."""
        reports = [self._forget(image_id) for image_id in ids]
        for tag in dict.fromkeys(shard(image_id) for image_id in ids):
            try:
                compact_if_worth_it(self.connection, tag)
            except (
                StoreError
            ) as error:  # the images are forgotten; the next forget in this shard goes on with the compaction
                _log.warning("shard %s was not compacted: %s", tag, error)
        return reports

    def _forget(self, image_id: ImageId) -> ForgetReport:
        """Do the steps after the first, as long as the image's mark stands; any number of processes may do so
        at once.
        """
        tag = shard(image_id)
        verdicts, unlinked = set[ImageId](), list[ImageId]()
        for _ in range(ATTEMPTS):
            fences = self._journal.fences(TAGS)
            if not self.connection.ask(Command(tag, "SISMEMBER", key(tag, "forgetting"), image_id)):
                break
            try:
                fences = self._raise_fences(fences)
                for other in self._journal.pending():
                    if other.mentions(image_id):
                        self._record(other, recorded=True)
                verdicts |= self._clean_partners(image_id, fences)
                moved: Any = self._journal.meta("forget", fences, secrets.token_hex(16), image_id)
                unlinked += [as_text(member) for member in moved]
                self._journal.unmoved(self.connection.ask(FORGET_IMAGE(tag, "end", fences[tag], image_id)))
                break
            except Interrupted:
                time.sleep(
                    secrets.randbelow(1000) / 100_000
                )  # two forgets at once would interrupt each other for ever in step
        else:
            raise gave_up("forgetting", image_id)
        return ForgetReport(image_id, 0, len(verdicts), tuple(dict.fromkeys(unlinked)))

    def _raise_fences(self, fences: dict[str, bytes]) -> dict[str, bytes]:
        raised = self.connection.run([BUMP(tag, fence) for tag, fence in fences.items()])
        for answer in raised:
            self._journal.unmoved(answer)
        return dict(zip(fences, raised, strict=True))

    def _clean_partners(self, image_id: ImageId, fences: dict[str, bytes]) -> set[ImageId]:
        partners = [
            as_text(p)
            for p in self.connection.ask(
                Command(shard(image_id), "ZRANGE", key(shard(image_id), f"partners:{image_id}"), 0, -1)
            )
        ]
        for start in range(0, len(partners), PARTNERS_AT_ONCE):
            self._sides(
                [
                    ("drop", partner, image_id, b"", "")
                    for partner in partners[start : start + PARTNERS_AT_ONCE]
                ],
                fences,
            )
        return set(partners)
