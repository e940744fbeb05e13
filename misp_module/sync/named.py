"""Events, organisations and tags that filters name must exist: a pass with a misspelt name would find nothing
and say that all is done, and a misspelt exclusion would exclude nothing.

Tags that are excluded need not exist: MISP knows a tag only after somebody has used it.
"""

from ..attributes import is_uuid
from .attribute import Filters
from .client import Client, MispMissing

_HINT = "or the user of this key may not see it"


def require_named(client: Client, filters: Filters, *, event_may_be_gone: bool) -> None:
    """Check that MISP knows all names; `event_may_be_gone`: the event is not looked for.

    Raises MispMissing for the first that it does not know, MispRefused, MispAway.
    """
    if filters.event is not None and not event_may_be_gone:
        require_event(client, filters.event)
    if filters.org is not None and not client.has_organisation(filters.org.removeprefix("!")):
        raise MispMissing(f"--org {filters.org}: {client.url} has no such organisation, {_HINT}")
    for tag in (tag for tag in filters.tags if not tag.startswith("!")):
        if not client.has_tag(tag):
            raise MispMissing(f"--tag {tag}: {client.url} has no such tag; write its name as MISP shows it")


def require_event(client: Client, event: str) -> None:
    """Check that MISP has this event (id or UUID). Raises MispMissing, MispRefused, MispAway."""
    if not (is_uuid(event) or (event.isascii() and event.isdigit())):
        raise MispMissing(f"--event {event}: expected the number or the UUID of an event")
    if not client.has_event(event):
        withdrawn = f"; if it was deleted, --prune --event {event} withdraws its pictures" * is_uuid(event)
        raise MispMissing(f"--event {event}: {client.url} has no such event, {_HINT}{withdrawn}")
