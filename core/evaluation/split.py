"""Splits a data set into two parts: calibrations are fitted to one and reported on the other.

A site is never divided between the parts. A set of pictures that is named as a site counts as one; all other
pictures are split by group. Named sites go where they are named, everything else by a hash of its name, so
that the split stays the same when pictures are added. A graph is reported on as a whole, because half of it
would have half of its pairs.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum

from ..errors import ConfigError
from .dataset import Item, Kind


class Subset(str, Enum):
    """A part of a data set."""

    #: Everything.
    ALL = "all"
    #: The pictures that a calibration is fitted to.
    FIT = "fit"
    #: The pictures that it is reported on.
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Split:
    """The division of a data set. Raises ConfigError if a site is named for both parts."""

    #: Sites, or sets whose pictures are all of one site, that go to the fitting part.
    fit_sites: frozenset[str] = frozenset()
    #: Sites, or sets whose pictures are all of one site, that go to the reporting part.
    report_sites: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if both := self.fit_sites & self.report_sites:
            raise ConfigError(f"named for both parts: {', '.join(sorted(both))}; a site belongs to one")

    def site(self, item: Item) -> str | None:
        """Return the site of a picture; None if it is unknown."""
        named = self.fit_sites | self.report_sites
        return item.site if item.site is not None else item.set if item.set in named else None

    def subset_of(self, item: Item) -> Subset:
        """Return FIT or REPORT: the same for all pictures of a site, and for all of a group."""
        site = self.site(item)
        if item.kind is Kind.LINKED or site in self.report_sites:
            return Subset.REPORT
        if site in self.fit_sites:
            return Subset.FIT
        unit = f"site {site}" if site is not None else f"group {item.group}"
        odd = hashlib.sha256(unit.encode("utf-8", "surrogatepass")).digest()[0] & 1
        return Subset.FIT if odd else Subset.REPORT

    def contains(self, subset: Subset, item: Item) -> bool:
        """Return whether a picture belongs to `subset`."""
        return subset is Subset.ALL or self.subset_of(item) is subset
