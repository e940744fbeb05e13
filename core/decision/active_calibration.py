"""Which calibration counts now: the one that was chosen for the store, else the one that this version ships
with.

An operator chooses once, and every process of every adapter judges with it from then on. So the store is
asked for the id: at each link, because what a link concludes is kept; otherwise at most once in SECONDS,
because a query has better things to wait for.
"""

from __future__ import annotations

import time

from ..errors import ConfigError, FormatError, UnknownVersion
from ..store import Store
from . import calibration as calibrations
from .calibration import Calibration

#: A query may be judged by the calibration before for so long. chosen: below the time in which a person
#: notices.
SECONDS = 1.0


class ActiveCalibration:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: Calibration | None = None
        self._asked = 0.0

    def current(self) -> Calibration:
        """As `latest`, but up to SECONDS old."""
        known = self._known
        return known if known is not None and time.monotonic() < self._asked + SECONDS else self.latest()

    def latest(self) -> Calibration:
        """Raises ConfigError or UnknownVersion when the store's cannot be read: to judge by another in
        silence would be worse.
        """
        chosen, known = self._store.settings.calibration_id(), self._known
        wanted = calibrations.shipped().id if chosen is None else chosen
        if known is None or known.id != wanted:
            known = self._known = self._read()
        self._asked = time.monotonic()
        return known

    def _read(self) -> Calibration:
        text = self._store.settings.calibration_text()
        if text is None:
            return calibrations.shipped()
        try:
            return calibrations.parse(text)
        except (ConfigError, FormatError) as error:
            kind = UnknownVersion if isinstance(error, UnknownVersion) else ConfigError
            raise kind(
                f"the calibration that was chosen for this store cannot be read ({error}); quaid calibrate --reset takes it away"
            ) from None
