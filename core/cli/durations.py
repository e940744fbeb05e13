"""Times as options have them: 12h, 90d."""

import re
from datetime import timedelta

from ..errors import ConfigError

_SPANS = {"d": "days", "h": "hours"}


def time_span(option: str, text: str, *, besides: str = "") -> timedelta:
    """Return the time in an option's value, such as 12h or 90d. Raises ConfigError; `besides`: what else the
    option may be.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,4})([dh])", text)
    if found is None:
        raise ConfigError(f"{option} {text[:40]!r}: expected a time such as 12h or 90d{besides}")
    return timedelta(**{_SPANS[found[2]]: int(found[1])})
