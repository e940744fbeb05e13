"""How likely a page imitates a page of a baseline: a calibration of its own, in the section `looks_like` of
the file.

Additive weights as those of matches (calibration.py), over what the two have in common (`Likeness`) and,
where a transform aligns them, how much of their content agrees. A page without any of this imitates nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from ..records import Evidence
from .curves import Term


@dataclass(frozen=True, slots=True)
class ImitationModel:
    """The weights of looks-like."""

    #: Weight before any evidence: log odds.
    prior: float
    #: One curve for each measure that counts.
    terms: tuple[Term, ...]

    def log_odds(self, evidence: Evidence) -> float:
        """Return the log odds that one imitates the other."""
        values = {name: measure(evidence) for name, measure in MEASURES.items()}
        return self.prior + sum(term.weight(values[term.predictor]) for term in self.terms)


def _emblem(evidence: Evidence) -> float | None:
    return None if evidence.likeness is None else evidence.likeness.emblem


def _emblems_beside(evidence: Evidence) -> float | None:
    return None if evidence.likeness is None else evidence.likeness.emblems_beside


def _colours(evidence: Evidence) -> float | None:
    return None if evidence.likeness is None else evidence.likeness.colours


def _content(evidence: Evidence) -> float | None:
    """Content agreement of two pages that a transform aligns; 0 without one."""
    return 0.0 if evidence.matrix is None else evidence.content_agreement


#: What is weighed, by its name in calibration files.
MEASURES: MappingProxyType[str, Callable[[Evidence], float | None]] = MappingProxyType(
    {
        "emblem": _emblem,
        "emblems_beside": _emblems_beside,
        "colours": _colours,
        "content_agreement": _content,
    }
)
