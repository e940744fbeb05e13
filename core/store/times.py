"""Times that callers give: of sightings and of judgements."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from ..errors import ConfigError

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
#: How far a clock elsewhere may be ahead of ours. chosen: as far as a wrong time zone.
AHEAD = timedelta(days=1)


def checked_time(moment: datetime | None) -> datetime:
    """The time given, or now. Raises ConfigError for one without a time zone and for one that cannot be true."""
    now = datetime.now(timezone.utc)
    if moment is None:
        return now
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ConfigError(
            f"seen at {moment.isoformat()}, which has no time zone; give one, such as datetime(..., tzinfo=timezone.utc)"
        )
    if not EPOCH <= moment <= now + AHEAD:
        raise ConfigError(
            f"seen at {moment.isoformat()}; expected a time from 1970 to a day from now, {(now + AHEAD).isoformat(timespec='seconds')}"
        )
    return moment
