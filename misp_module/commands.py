"""The commands `quaid misp ...`; found by `quaid` through the entry-point group `douglas_quaid.commands`. Loads nothing heavy."""

from __future__ import annotations

from pathlib import Path

import click


@click.group(name="misp", context_settings={"help_option_names": ["-h", "--help"]})
def misp() -> None:
    """MISP: the module for misp-modules, and the images that an instance holds."""


@misp.command("module-path")
def module_path() -> None:
    """Print the folder for `misp-modules -c`."""
    click.echo(Path(__file__).resolve().parent)
