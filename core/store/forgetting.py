"""Forgetting an image so that nothing of it can be found again, finishing what was interrupted (see
intents.py), and purging: until a server has rewritten its append-only file or snapshot, what was forgotten is
still in it.

Steps: remove the record and all else in the image's own shard, overwrite its row and words, and mark the
image; raise every fence, so that no writer who saw the image can still write about it; finish the intents
that mention it; drop the verdicts about it on its partners' sides; remove it from clusters, joining
and blocked pairs and judgements; remove the list of partners and the mark.

The first step is one script, and from then on the mark stands for the rest: the image cannot be added while
it is there, and whoever opens the store, or wants to add the image, does what remains. So no intent is
recorded, and an image that is forgotten because it is seen nowhere any more (occurrences.py) takes the same
way. The last step moves the fence of the shard with the mark, so that nobody who still works on this
forgetting can touch the image once somebody has added it again.
"""

import logging
import secrets
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ..batches import in_groups
from ..errors import CorruptRecord, NotFound, StoreError, StoreTimeout
from ..records import ForgetReport, ImageId
from .connection import Connection, StorePart
from .intents import Intents, Interrupted
from .keys import SHARDS, TAGS, Command, as_text, key, on_image, on_shard, shard
from .scripts import COMPACT, FORGET_IMAGE, RAISE_FENCE
from .server_checks import server_facts
from .values import image_ids, left_out_if_broken, noting, whole
from .verdicts import Verdicts

#: Partners whose sides are cleaned in one round trip. chosen: some milliseconds of a server's time.
PARTNERS_AT_ONCE = 500
#: Maximum time in seconds for rewriting a file. chosen.
PURGE_SECONDS = 3600.0
#: Pause in seconds between two looks at the progress of a rewrite. chosen.
POLL_SECONDS = 0.02
#: How often a rewrite is requested again because the server had just begun one by itself. chosen.
ATTEMPTS = 5

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Forgetting(StorePart):
    """The part of the store that forgets images."""

    _intents: Intents
    _verdicts: Verdicts

    def forget(self, image_id: ImageId) -> ForgetReport:
        """Remove an image and everything that names it, and return what that was.

        Raises NotFound when it is not in the store.
        """
        with self.connection.urgent():
            begun, occurrences = self.connection.ask(self._step(shard(image_id), "begin", image_id))
            if not begun:
                raise NotFound(f"image {image_id} is not in the store")
            report = self._finish(image_id)
        self._compact([image_id])
        return replace(report, occurrences=occurrences)

    def purge(self) -> None:
        """Let every server rewrite its append-only file, or its snapshot where it writes those, so that
        nothing forgotten is left in them; returns when that is done. Copies made elsewhere (files of
        replicas, backups) are the operator's task.

        Raises StoreError when a server fails to, StoreTimeout after PURGE_SECONDS.
        """
        facts = server_facts(self.connection)
        if any(fact.append_only for fact in facts):
            _rewrite(self.connection, "BGREWRITEAOF", "aof_last_bgrewrite_status")
        if any(fact.snapshots or not fact.append_only for fact in facts):
            _rewrite(self.connection, "BGSAVE", "rdb_last_bgsave_status")

    def finish_interrupted(self) -> list[ForgetReport]:
        """Finish the changes that a crash interrupted, and return the reports of the forgets among them.

        Raises CorruptRecord for a change that cannot be read; within `values.noting` it is left as it is.
        """
        reports = list[ForgetReport]()
        for intent in self._intents.pending():
            with left_out_if_broken():
                self._verdicts.finish(intent)
        marked = self.connection.run([on_shard(tag, "SMEMBERS", "forgetting") for tag in SHARDS])
        for tag, members in zip(SHARDS, marked, strict=True):
            for image_id in sorted(image_ids(key(tag, "forgetting"), members)):
                with left_out_if_broken():
                    reports.append(self._finish(image_id))
        return reports

    def finish_marked(self, ids: Sequence[ImageId]) -> list[ForgetReport]:
        """Forget images that are marked, return what that removed, and compact their shards where that is
        worth it.
        """
        with self.connection.urgent(), noting():
            reports = [self._finish(image_id) for image_id in ids]
        self._compact(ids)
        return reports

    def _compact(self, ids: Sequence[ImageId]) -> None:
        """Compact the shards of these images where that is worth it."""
        for tag in dict.fromkeys(shard(image_id) for image_id in ids):
            try:
                compact_if_worth_it(self.connection, tag)
            except (StoreError, CorruptRecord) as error:
                # The images are forgotten; the next forget in this shard continues the compaction.
                _log.warning("shard %s was not compacted: %s", tag, error)

    def _finish(self, image_id: ImageId) -> ForgetReport:
        """Do the steps after the first while the image's mark stands; any number of processes may do so at
        once.
        """
        tag = shard(image_id)
        verdicts, unlinked = set[ImageId](), list[ImageId]()
        for fences in self._intents.attempts("forgetting", image_id, TAGS):
            if not self.connection.ask(on_shard(tag, "SISMEMBER", "forgetting", image_id)):
                break
            with suppress(Interrupted):
                fences = self._raise_fences(fences)
                for other in self._intents.pending():
                    if other.mentions(image_id):
                        self._verdicts.finish(other)
                verdicts |= self._clean_partners(image_id, fences)
                moved: Any = self._intents.meta("forget", fences, secrets.token_hex(16), image_id)
                unlinked += [as_text(member) for member in moved]
                self._intents.unmoved(self.connection.ask(self._step(tag, "end", fences[tag], image_id)))
                break
            # A random pause: two forgets in step would interrupt each other for ever.
            time.sleep(secrets.randbelow(1000) / 100_000)
        return ForgetReport(image_id, 0, len(verdicts), tuple(dict.fromkeys(unlinked)))

    def _step(self, tag: str, *arguments: bytes | str) -> Command:
        return FORGET_IMAGE(tag, self.connection.options.chunk_rows, *arguments)

    def _raise_fences(self, fences: dict[str, bytes]) -> dict[str, bytes]:
        raised = self.connection.run([RAISE_FENCE(tag, fence) for tag, fence in fences.items()])
        for answer in raised:
            self._intents.unmoved(answer)
        return dict(zip(fences, raised, strict=True))

    def _clean_partners(self, image_id: ImageId, fences: dict[str, bytes]) -> set[ImageId]:
        found = self.connection.ask(on_image("ZRANGE", "partners", image_id, 0, -1))
        partners = image_ids(key(shard(image_id), f"partners:{image_id}"), found)
        for some in in_groups(partners, PARTNERS_AT_ONCE):
            self._verdicts.drop_sides([(partner, image_id) for partner in some], fences)
        return set(partners)


def compact(connection: Connection, tag: str) -> None:
    """Rewrite a shard's columns without dead rows, under a new generation, in slices between which others are
    served.

    Interrupted, it leaves whole columns, and the next compaction of the shard continues where it stopped.
    """
    options = connection.options
    generation = connection.ask(on_shard(tag, "HGET", "head", "generation")) or b"0"
    while not connection.ask(COMPACT(tag, options.chunk_rows, generation, options.compact_chunks)):
        pass


def compact_if_worth_it(connection: Connection, tag: str) -> None:
    """Compact a shard with many dead rows."""
    options = connection.options
    found = connection.ask(on_shard(tag, "HMGET", "head", "rows", "dead"))
    rows, dead = (whole(key(tag, "head"), value) for value in found)
    if dead > options.compact_dead_rows and dead > options.compact_dead_share * rows:
        compact(connection, tag)


def _rewrite(connection: Connection, command: str, status: str) -> None:
    deadline = time.monotonic() + PURGE_SECONDS
    for attempt in range(ATTEMPTS):
        # A rewrite in progress began before the forgetting, so it does not count.
        _wait_for_rewrites(connection, deadline)
        try:
            connection.everywhere(command)
            break
        except StoreError as error:
            if "in progress" not in str(error) or attempt == ATTEMPTS - 1:
                raise
    for info in _wait_for_rewrites(connection, deadline):
        if info.get(status) != "ok":
            raise StoreError(
                f"the store at {connection.name} could not rewrite its file ({command} ended with"
                f" {info.get(status)}); see the server's log"
            )


def _wait_for_rewrites(connection: Connection, deadline: float) -> list[dict[str, Any]]:
    """Wait until no server rewrites a file, and return what each says about its persistence."""
    running = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")
    while True:
        infos: list[dict[str, Any]] = connection.everywhere("INFO", "persistence")
        if not any(info.get(name) for info in infos for name in running):
            return infos
        if time.monotonic() > deadline:
            raise StoreTimeout(
                f"the store at {connection.name} is still rewriting its files after {PURGE_SECONDS:g} s"
            )
        time.sleep(POLL_SECONDS)
