"""Times that callers pass: of sightings and of judgements."""

from datetime import datetime, timedelta, timezone

from ..errors import ConfigError

#: Earliest time accepted.
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
#: How far in the future a time may lie. chosen: as far as a clock with a wrong time zone is ahead.
AHEAD = timedelta(days=1)


def checked_time(moment: datetime | None) -> datetime:
    """Return the time that was passed, or now.

    Raises ConfigError for a time without a time zone, before 1970 or more than a day from now.
    """
    now = datetime.now(timezone.utc)
    if moment is None:
        return now
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ConfigError(
            f"seen at {moment.isoformat()}, which has no time zone;"
            " pass one, such as datetime(..., tzinfo=timezone.utc)"
        )
    if not EPOCH <= moment <= now + AHEAD:
        latest = (now + AHEAD).isoformat(timespec="seconds")
        raise ConfigError(
            f"seen at {moment.isoformat()}; expected a time from 1970 to a day from now, {latest}"
        )
    return moment
