"""Typing a command in a test, the same with click 8.1 (which misp-modules pins) and later."""

from __future__ import annotations

import inspect

from click.testing import CliRunner


def runner() -> CliRunner:
    """Keeps standard output and standard error apart; since click 8.2 that is the only way, and the option is
    gone.
    """
    options = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}
    return CliRunner(**options)  # type: ignore[arg-type]
