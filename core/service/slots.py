"""As many pictures in work as there are cores. What comes beyond that waits a little, and is then told to
come again, so that a crowd of clients sees where it stands instead of a silent queue.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar

from ..errors import ServiceBusy

Result = TypeVar("Result")

#: Seconds to wait for a slot. chosen: some pictures.
WAIT = 5.0
#: Seconds to wait for a slot where the sender was told to come for the answer, or gets several one after the
#: other. chosen.
PATIENT_WAIT = 600.0
#: Threads for questions that only read the store. chosen: they wait for it most of the time.
LIGHT_THREADS = 8
#: Uploads that may be on their way for each slot. chosen: each takes up to the limit of a picture on the
#: disk.
UPLOADS_A_SLOT = 32


class Slots:
    """Runs what the engine does on threads of its own."""

    def __init__(self, number: int, *, wait: float = WAIT) -> None:
        """`number`: pictures in work at once; `wait`: seconds to wait for a slot."""
        #: Pictures in work at once.
        self.number = number
        #: Pictures in work now.
        self.used = 0
        #: Uploads on their way now.
        self.uploads = 0
        self._wait = wait
        self._free = asyncio.Semaphore(number)
        self._heavy = ThreadPoolExecutor(number, thread_name_prefix="quaid-picture")
        self._light = ThreadPoolExecutor(LIGHT_THREADS, thread_name_prefix="quaid-store")

    async def light(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns; it only asks the store."""
        return await asyncio.get_running_loop().run_in_executor(self._light, work)

    async def heavy(self, work: Callable[[], Result], *, wait: float | None = None) -> Result:
        """Return what `work` returns; it decodes or compares pictures. `wait`: seconds to wait for a slot;
        default: as the service does. Raises ServiceBusy when no slot gets free.
        """
        try:
            await asyncio.wait_for(self._free.acquire(), self._wait if wait is None else wait)
        except asyncio.TimeoutError:
            raise ServiceBusy(
                f"{self.number} pictures are in work, as many as this machine has cores; come again"
            ) from None
        self.used += 1
        running = asyncio.get_running_loop().run_in_executor(self._heavy, partial(_run, work))
        running.add_done_callback(self._done)  # not earlier, even where nobody waits for it any more
        return await asyncio.shield(running)

    def _done(self, finished: asyncio.Future[Result]) -> None:
        self.used -= 1
        self._free.release()
        if not finished.cancelled():
            finished.exception()  # whoever waits for it hears it; nobody may be left

    @property
    def most_uploads(self) -> int:
        """Return the number of uploads that may be on their way."""
        return UPLOADS_A_SLOT * self.number

    @asynccontextmanager
    async def uploading(self) -> AsyncIterator[None]:
        """Count an upload while it is read. Raises ServiceBusy when too many are on their way."""
        if self.uploads >= self.most_uploads:
            raise ServiceBusy(f"{self.uploads} uploads are on their way; come again")
        self.uploads += 1
        try:
            yield
        finally:
            self.uploads -= 1

    def close(self) -> None:
        """End the threads once they have done what they are at."""
        self._heavy.shutdown(cancel_futures=True)
        self._light.shutdown(cancel_futures=True)


def _run(work: Callable[[], Result]) -> Result:
    """Return what `work` returns. An error tells where it was raised, but holds nothing of what was in work
    there: it lives until Python looks for circles, and pictures are large.
    """
    try:
        return work()
    except BaseException as error:
        chain: BaseException | None = error
        while chain is not None:
            traceback.clear_frames(chain.__traceback__)
            chain = chain.__context__
        raise
