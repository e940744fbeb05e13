"""Which part of a data set a picture belongs to: calibrations are fitted to one part and reported on the
other.

The unit that stays together is the site; a set of pictures that is named as a site counts as one; all other
pictures go by group. Named sites go where they are named, everything else by a hash of its name, so that a
part does not change when pictures are added. A graph is reported on as a whole, because half of it would have
half of its pairs.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum

from ..errors import ConfigError
from .dataset import Item, Kind


class Subset(str, Enum):
    ALL = "all"
    FIT = "fit"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Split:
    #: Sites, or sets whose pictures are all of one site; so is the next.
    fit_sites: frozenset[str] = frozenset()
    report_sites: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if both := self.fit_sites & self.report_sites:
            raise ConfigError(f"named for both parts: {', '.join(sorted(both))}; a site belongs to one")

    def site(self, item: Item) -> str | None:
        """The site of a picture; None where nobody said."""
        named = self.fit_sites | self.report_sites
        return item.site if item.site is not None else item.set if item.set in named else None

    def of(self, item: Item) -> Subset:
        """FIT or REPORT. Equal for all pictures of one site, and for all of one group."""
        if item.kind is Kind.LINKED:
            return Subset.REPORT
        site = self.site(item)
        if site in self.fit_sites:
            return Subset.FIT
        if site in self.report_sites:
            return Subset.REPORT
        unit = f"site {site}" if site is not None else f"group {item.group}"
        return (
            Subset.FIT
            if hashlib.sha256(unit.encode("utf-8", "surrogatepass")).digest()[0] & 1
            else Subset.REPORT
        )

    def holds(self, part: Subset, item: Item) -> bool:
        return part is Subset.ALL or self.of(item) is part
