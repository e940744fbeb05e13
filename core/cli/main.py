"""The command `quaid`: one command for each verb of `Engine`, and those about the installation itself."""

from . import (  # noqa: F401 - they add their commands
    calibrate,
    care,
    demo,
    evaluate,
    graph,
    grouping,
    link,
    lists,
    pictures,
    reextract,
    self_check,
    service,
    stored,
    watch,
)
from .group import main

__all__ = ["main"]
