"""`python -m douglas_quaid`: the command `quaid`, for shells without its script on the path."""

from __future__ import annotations

from .cli.main import main

main(prog_name="quaid")
