"""What analysts read when there is no similar picture: every question is answered in words."""

import re

from douglas_quaid import Correlator

from .attributes import PICTURE_ENDINGS
from .messages import QueriedAttribute
from .settings import Settings
from .sync.unread import why_unread
from .text import harmless

#: About a picture that shows too little to be recognised.
BLANK = "This picture is blank, or nearly so: it shows too little to be compared with others."

_ENDING = re.compile(r"\.\w{1,8}$")


def hides_hits(settings: Settings) -> bool:
    """Return whether the settings leave some hits out."""
    return bool(settings.collections) or not settings.include_review or not settings.include_same_event


def nothing_similar(engine: Correlator, settings: Settings) -> str:
    """Return the text about a picture that was compared with all others. Raises StoreError."""
    count = engine.count()
    if not count:
        return "No image is indexed yet: ask the administrator to run quaid misp sync."
    shown = " that the settings of this module show" if hides_hits(settings) else ""
    return f"No similar image{shown} among {count:,} indexed image{'s' if count > 1 else ''}."


def not_indexed(engine: Correlator, attribute: QueriedAttribute) -> str:
    """Return the text about an attribute that is not in the store, of which a hover has only the name.

    Raises StoreError.
    """
    reason = why_unread(engine, attribute.uuid, attribute.timestamp)
    if reason is not None:
        problem = f"could not be read: {harmless(reason, limit=500)}" if reason else "is not a picture"
        return f"This file {problem}. So it is not compared."
    ending = _ENDING.search(attribute.name)
    if ending and ending.group().lower() not in PICTURE_ENDINGS:
        return (
            f"Not indexed, and {ending.group()} is not the ending of a picture that is read;"
            " Add enrichment reads the file itself."
        )
    return "Image not indexed yet: use Add enrichment, or ask the administrator to run quaid misp sync."
