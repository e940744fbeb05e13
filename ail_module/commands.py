"""The commands `quaid ail ...`; found by `quaid` through the entry-point group `douglas_quaid.commands`. Loads nothing heavy."""

from __future__ import annotations

import click


@click.group(name="ail", context_settings={"help_option_names": ["-h", "--help"]})
def ail() -> None:
    """AIL: the modules for its queues, and the images that an instance holds."""
