"""The options of all stages in one frozen value, and the digest by which a calibration names them.

Takes the options of each stage. A calibration is valid only for the options that it was fitted with, so their
digest is part of its id: a program whose options differ has a calibration of another name.
"""

import hashlib
import json
from dataclasses import asdict, dataclass

from .decision.options import DEFAULTS as DECISION, DecisionOptions
from .features.options import DEFAULTS as FEATURES, FeatureOptions
from .index.options import DEFAULTS as INDEX, IndexOptions
from .search.options import DEFAULTS as SEARCH, SearchOptions
from .verification.options import DEFAULTS as VERIFICATION, VerificationOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What decides an answer besides the calibration and the pictures."""

    #: What is extracted from a picture.
    features: FeatureOptions = FEATURES
    #: Which images share visual words.
    index: IndexOptions = INDEX
    #: How a pair is measured.
    verification: VerificationOptions = VERIFICATION
    #: Which images are verified, and what their context is.
    search: SearchOptions = SEARCH
    #: How evidence becomes a verdict.
    decision: DecisionOptions = DECISION

    def digest(self) -> str:
        """Return 10 hex digits that change with any option: the beginning of the sha256 of their JSON, with
        sorted keys and without spaces.
        """
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:10]


#: The options of this version.
DEFAULTS = Options()
