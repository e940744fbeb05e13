"""What `quaid ail self-check` says about one subject."""

from dataclasses import dataclass
from enum import Enum


class Grade(str, Enum):
    """How much is wrong."""

    #: Nothing.
    OK = "ok"
    #: It works, at the cost that is named.
    WARNING = "warning"
    #: It does not work while this stays.
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Check:
    """The result for one subject."""

    #: What was checked, in a word or two.
    subject: str
    #: How much is wrong with it.
    grade: Grade
    #: What was found.
    says: str
    #: What it costs; empty if nothing is wrong.
    cost: str = ""
    #: What to do about it; empty if there is nothing to do.
    remedy: str = ""
