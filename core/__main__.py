"""`python -m douglas_quaid`: the command `quaid`, for shells without its script on the path."""

from .cli.main import main

main(prog_name="quaid")
