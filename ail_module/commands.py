"""The commands `quaid ail ...`; found by `quaid` through the entry-point group `douglas_quaid.commands`.
Loads nothing heavy.
"""

from __future__ import annotations

from . import operating, setting_up  # both put their commands into the group
from .console import ail

__all__ = ["ail", "operating", "setting_up"]
