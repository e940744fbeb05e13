"""Which calibration counts now: the one that was chosen for the store, else the shipped one.

An operator chooses once, and every process of every adapter judges with it from then on. So the store is
asked for the id: at each link, because what a link concludes is kept; otherwise once a second at most,
because a query has better things to wait for.
"""

import time
from dataclasses import replace

from ..errors import ConfigError, FormatError, UnknownVersion
from ..store import Store
from .calibration import Calibration
from .calibration_file import parse, shipped

#: Seconds for which a query may be judged by the calibration before. chosen: below the time in which a person
#: notices.
SECONDS = 1.0


class ActiveCalibration:
    """The calibration of a store. `options`: digest of the options that its engine runs with."""

    def __init__(self, store: Store, *, options: str, seconds: float = SECONDS) -> None:
        self._store = store
        self._shipped = replace(shipped(), options=options)
        self._seconds = seconds
        self._known: Calibration | None = None
        self._asked = 0.0

    def current(self) -> Calibration:
        """Return the calibration, which may be up to a second old. Raises as `latest`."""
        known = self._known
        fresh = time.monotonic() < self._asked + self._seconds
        return known if known is not None and fresh else self.latest()

    def latest(self) -> Calibration:
        """Return the calibration that the store names now.

        Raises ConfigError or UnknownVersion when it cannot be read or was fitted with other options: to judge
        by another in silence would be worse. Raises StoreError.
        """
        chosen, known = self._store.settings.calibration_id(), self._known
        wanted = self._shipped.id if chosen is None else chosen
        if known is None or known.id != wanted:
            known = self._known = self._read()
        self._asked = time.monotonic()
        return known

    def _read(self) -> Calibration:
        chosen, text = self._store.settings.chosen_calibration()
        if chosen is None and text is None:
            return self._shipped
        remedy = "quaid calibrate --reset goes back to the shipped one"
        if chosen is None or text is None:
            raise ConfigError(f"the calibration chosen for this store has lost its id or its file; {remedy}")
        try:
            found = parse(text)
        except (ConfigError, FormatError) as error:
            kind = UnknownVersion if isinstance(error, UnknownVersion) else ConfigError
            raise kind(f"the calibration chosen for this store cannot be read ({error}); {remedy}") from None
        if found.id != chosen:
            raise ConfigError(
                f"the calibration chosen for this store is {chosen!r:.80}, its file {found.id}; {remedy}"
            )
        if found.options != self._shipped.options:
            raise ConfigError(
                f"the calibration {found.id}, chosen for this store, was fitted with other options "
                f"({found.options}) than this program has ({self._shipped.options}); {remedy}"
            )
        return found
