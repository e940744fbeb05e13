"""Forgetting an image so that nothing of it can be found again, and finishing what was interrupted (see intents.py).

Steps: record the intent; remove the record and all else in the image's own shard, row and words overwritten; raise every fence, so
that no writer who saw the image can still write about it; finish the changes by others that mention it; drop the verdicts about it
on its partners' sides; take it out of clusters, edges and vetoes; remove the list of partners; remove the intent.
"""

from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass
from typing import Any

from ..errors import NotFound, StoreError
from ..records import ImageId
from .columns import compact_if_worth_it
from .intents import ATTEMPTS, Intent, Interrupted, gave_up, new_intent_id
from .judgements import Judgements
from .keys import TAGS, as_text, key, shard
from .purging import rewrite_files
from .scripts import BUMP, FORGET_IMAGE, Command

PARTNERS_AT_ONCE = 500
"""Partners whose sides one round of scripts cleans. chosen: some milliseconds of a server's time."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What forgetting an image removed."""

    image_id: ImageId
    occurrences: int
    verdicts: int
    unlinked: tuple[ImageId, ...]
    """Images that left their cluster because this one had connected them; to be linked again (also in `waiting_for_link`)."""


class Forgetting(Judgements):
    """The part of the store that forgets."""

    def forget(self, image_id: ImageId) -> ForgetReport:
        """Remove an image and everything that names it. Raises NotFound when it is not in the store."""
        if not self._present(image_id)[0]:
            raise NotFound(f"image {image_id} is not in the store")
        report = self._forget(Intent(new_intent_id(), "forget", image_id), recorded=False)
        try:
            compact_if_worth_it(self.connection, shard(image_id))
        except StoreError as error:  # the image is forgotten; the next forget in this shard goes on with the compaction
            _log.warning("shard %s was not compacted: %s", shard(image_id), error)
        return report

    def purge(self) -> None:
        """Have every server write its files anew, so that what was forgotten is not in them either; returns when that is done."""
        rewrite_files(self.connection)

    def finish_intents(self) -> list[ForgetReport]:
        """Finish the changes that were interrupted by a crash; gives the reports of the forgets among them."""
        reports = []
        for intent in self._journal.pending():
            if intent.kind == "forget":
                reports.append(self._forget(intent, recorded=True))
            else:
                self._finish(intent)
        return reports

    def _forget(self, intent: Intent, *, recorded: bool) -> ForgetReport:
        occurrences, verdicts, unlinked = 0, set[ImageId](), list[ImageId]()
        for _ in range(ATTEMPTS):
            fences = self._journal.fences(TAGS)
            if recorded and not self._journal.stands(intent):
                break
            try:
                if not recorded:
                    self._journal.record(intent, fences)
                    recorded = True
                occurrences += self._begin(intent.image_id, fences)
                fences = self._raise_fences(fences)
                for other in self._journal.pending():
                    if other.kind != "forget" and other.mentions(intent.image_id):
                        self._finish(other)
                verdicts |= self._clean_partners(intent.image_id, fences)
                moved: Any = self._journal.meta("forget", intent, fences, secrets.token_hex(16), intent.image_id)
                unlinked += [as_text(member) for member in moved]
                self._journal.unmoved(self.connection.ask(FORGET_IMAGE(shard(intent.image_id), fences[shard(intent.image_id)], "end", intent.image_id)))
                self._journal.end(intent, fences)
                break
            except Interrupted:
                time.sleep(secrets.randbelow(1000) / 100_000)  # two forgets at once would interrupt each other for ever in step
        else:
            raise gave_up(intent)
        return ForgetReport(intent.image_id, occurrences, len(verdicts), tuple(dict.fromkeys(unlinked)))

    def _begin(self, image_id: ImageId, fences: dict[str, bytes]) -> int:
        tag = shard(image_id)
        found: Any = self._journal.unmoved(self.connection.ask(FORGET_IMAGE(tag, fences[tag], "begin", image_id)))
        return int(found[1])

    def _raise_fences(self, fences: dict[str, bytes]) -> dict[str, bytes]:
        raised = self.connection.run([BUMP(tag, fence) for tag, fence in fences.items()])
        for answer in raised:
            self._journal.unmoved(answer)
        return dict(zip(fences, raised, strict=True))

    def _clean_partners(self, image_id: ImageId, fences: dict[str, bytes]) -> set[ImageId]:
        partners = [as_text(p) for p in self.connection.ask(Command(shard(image_id), "ZRANGE", key(shard(image_id), f"partners:{image_id}"), 0, -1))]
        for start in range(0, len(partners), PARTNERS_AT_ONCE):
            self._sides([("drop", partner, image_id, b"", "") for partner in partners[start : start + PARTNERS_AT_ONCE]], fences)
        return set(partners)
