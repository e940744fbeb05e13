"""Limits of publishing that no operator sets; tests pass others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishingOptions:
    """How much one step of publishing does, and what it takes for a failure of AIL."""

    #: Images of a cluster whose objects are checked after each write, while correlations move to another
    #: representative. chosen: takes some 20 ms.
    cluster_step: int = 20
    #: Objects that may lose their review tag between two passes although they are more than half of those
    #: that had one. chosen: nobody removes so many by hand in a minute, but an emptied or restored tag
    #: database loses all of them.
    max_removed: int = 20
