"""The calibration that the operator chose for a store: every process judges with it until another is chosen
or it is removed.

The store keeps its id and its text, which decision/calibration_file.py reads. Beside it lies how far a walk
through all images has come, so that an interrupted walk continues where it was.
"""

from .connection import StorePart
from .keys import as_text, on_meta


class Settings(StorePart):
    """The part of the store that keeps the chosen calibration."""

    def calibration_id(self) -> str | None:
        """Return the id of the calibration that was chosen for this store; None where none was."""
        return self._read("id")

    def chosen_calibration(self) -> tuple[str | None, str | None]:
        """Return the id of the chosen calibration and the text of its file; None and None where none was."""
        found = self.connection.ask(on_meta("HMGET", "calibration", "id", "file"))
        calibration_id, text = (None if value is None else as_text(value) for value in found)
        return calibration_id, text

    def keep_calibration(self, calibration_id: str, text: str) -> None:
        """Choose a calibration for all processes; id and text change in one step. The id also lies in `head`,
        by which self-check finds that the choice was lost.
        """
        self.connection.run(
            [
                on_meta("HSET", "calibration", "id", calibration_id, "file", text),
                on_meta("HSET", "head", "calibration", calibration_id),
            ]
        )

    def drop_calibration(self) -> None:
        """Let every process judge with the calibration it ships with."""
        self.connection.run(
            [on_meta("HDEL", "calibration", "id", "file"), on_meta("HDEL", "head", "calibration")]
        )

    def progress(self, walk: str) -> str | None:
        """Return what `set_progress` noted about an unfinished walk; None for one that is done."""
        return self._read(f"walk:{walk}")

    def set_progress(self, walk: str, text: str | None) -> None:
        """Note how far a walk has come; None: it is done."""
        field = f"walk:{walk}"
        self.connection.ask(
            on_meta("HDEL", "calibration", field)
            if text is None
            else on_meta("HSET", "calibration", field, text)
        )

    def _read(self, field: str) -> str | None:
        found = self.connection.ask(on_meta("HGET", "calibration", field))
        return None if found is None else as_text(found)
