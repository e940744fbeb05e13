"""The command group `quaid ail`, found by `quaid` through the entry-point group `douglas_quaid.commands`.

Importing this module loads nothing heavy.
"""

from .cli import installation, operations, removed_tags  # importing them adds their commands to the group
from .cli.group import ail

__all__ = ["ail", "installation", "operations", "removed_tags"]
