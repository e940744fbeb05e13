"""Texts about a hit for analysts: what was found, what was measured, where the picture was seen, and the
comment of an object.

MISP compares no comments, so the comment holds what changes from one enrichment to the next: how often the
picture was seen, its score, and the numbers of the copy that agrees best.
"""

from collections.abc import Mapping
from datetime import datetime, timezone
from textwrap import wrap

from douglas_quaid import Decision, Evidence, Hit, Relation
from douglas_quaid.decision.options import DEFAULTS
from douglas_quaid.decision.sentence import LOOKS_LIKE, weakness
from douglas_quaid.records import NotedRegion, Reason

from .disclosed import Disclosed
from .messages import QueriedAttribute
from .places import events_of
from .settings import Settings
from .similar import Similar
from .text import harmless

#: Maximum number of characters of a sentence. chosen.
SENTENCE_CHARACTERS = 500

#: Characters of a comment that stay on one line of MISP's pages. chosen: the text area on the page of results
#: breaks longer ones inside a word.
COLUMNS = 24

#: What speaks against a match, apart from weak evidence. chosen: without numbers, which change.
_AGAINST = {
    Reason.IGNORED: "all that the two share is an ignored picture",
    Reason.COMMON_REGION: "so many pictures show this part that it is no evidence",
    Reason.CONTENT_NOT_COMPARED: "the content was not compared",
    Reason.CONTEXT_CUT: "the search ended before the other candidates were compared",
    Reason.FRAMES_DIFFER: "a file has other frames or pages, too",
    Reason.OTHER_CODE: "a code in the same place says something else",
    Reason.CONTENT_DIFFERS: "something else of the same kind stands in some places",
    Reason.AMBIGUOUS: "many other pictures agree as well",
    Reason.RIVAL: "another picture agrees in the same part",
}


def finding(hit: Hit, told: Disclosed) -> str:
    """Return what was found, in one sentence without numbers: it stays the same when another copy of the
    picture is the one that agrees best.
    """
    against = [_AGAINST[reason] for reason in hit.reasons if reason in _AGAINST]
    if Reason.WEAK_EVIDENCE in hit.reasons:
        against.append(weakness(hit.evidence))
    found = _agreement(hit) if hit.decision is Decision.MATCH else "; ".join([_agreement(hit), *against])
    return _about_page(hit, told.page, found)


def _agreement(hit: Hit) -> str:
    if Reason.PERSON in hit.reasons:
        return "a person confirmed it"
    match hit.relation:
        case Relation.IDENTICAL:
            return "same bytes" if hit.evidence.same_bytes else "same pixels, other file"
        case Relation.NEAR_DUPLICATE:
            return (
                "the whole pictures agree" if hit.decision is Decision.MATCH else "the whole pictures align"
            )
        case Relation.PARTIAL:
            return _part(hit.evidence)
        case Relation.LOOKS_LIKE:
            return _held(hit.evidence) if Reason.OBJECT in hit.reasons else LOOKS_LIKE
        case Relation.SAME_TEMPLATE:
            return "same layout, other content"
        case None:
            return "nothing aligns the two"


def _held(evidence: Evidence) -> str:
    holds = (evidence.covered_query or 0.0) <= (evidence.covered_reference or 0.0)
    return "this picture holds the other as a logo" if holds else "the other holds this picture as a logo"


def _part(evidence: Evidence) -> str:
    queried, found = evidence.covered_query or 0.0, evidence.covered_reference or 0.0
    if max(queried, found) < DEFAULTS.verdict.held_coverage:
        return "both share a part"
    return "this picture lies inside the other" if queried >= found else "this picture holds the other"


def comment(
    similar: Similar, told: Disclosed, attribute: QueriedAttribute, settings: Settings, *, note: str
) -> str:
    """Return the comment of an object, in lines. `note` is appended to the first one."""
    hit = similar.hit
    lines = [
        f"{hit.decision.value} ({hit.confidence:.3f}) with {attribute.name}{note}",
        measured(similar, Disclosed.nothing(), settings),
        _where(similar),
    ]
    if told.collections:
        lines.append(f"in {', '.join(told.collections)}")
    if told.filename:
        lines.append(f"file name: {told.filename}")
    if told.sha256 and (told.brand or not hit.evidence.same_bytes):
        lines.append(f"sha256: {told.sha256}")
    return "\n".join(map(_held_together, lines))


def _held_together(line: str) -> str:
    """The line with no-break spaces inside pieces of about COLUMNS characters: MISP's event page makes the
    column of comments as narrow as the longest word.
    """
    pieces = wrap(line, COLUMNS, break_long_words=False, break_on_hyphens=False)
    return " ".join(piece.replace(" ", "\N{NO-BREAK SPACE}") for piece in pieces)


def measured(similar: Similar, told: Disclosed, settings: Settings) -> str:
    """Return the engine's sentence, after the name of the legitimate page if that may be disclosed."""
    return _about_page(similar.hit, told.page, similar.hit.sentence) + _common_since(similar.region, settings)


def _about_page(hit: Hit, labels: Mapping[str, str], text: str) -> str:
    """The text, after the name of a legitimate page if there is one."""
    if not labels.get("brand") and not labels.get("domain"):
        return harmless(text, limit=SENTENCE_CHARACTERS)
    owner = labels.get("brand") or labels["domain"]
    domain = f" ({labels['domain']})" if labels.get("brand") and labels.get("domain") else ""
    page = f"the {labels.get('page') or 'page'} of {owner}{domain}"
    if Reason.OBJECT in hit.reasons:
        text = f"holds the {labels.get('page') or 'logo'} of {owner}{domain}: {text}"
    elif hit.relation is Relation.LOOKS_LIKE:
        rest = text.removesuffix(LOOKS_LIKE).removesuffix("; ")
        text = f"looks like {page}, but is not a picture of it" + (f": {rest}" if rest else "")
    else:
        text = f"shows {page}: {text}"
    return harmless(text, limit=SENTENCE_CHARACTERS)


def _common_since(region: NotedRegion | None, settings: Settings) -> str:
    """Since when so many pictures show the part that a hit rests on; which ones, only if that may be
    disclosed.
    """
    if region is None:
        return ""
    when = _day(region.since)
    shown = ", ".join(region.region.shown_by) if settings.disclose.everything else ""
    return f"; common since {when}, in at least {region.region.pictures} pictures" + (
        f", such as {shown}" if shown else ""
    )


def sighting_summary(similar: Similar) -> str:
    """Return a summary such as: seen 14 times in 6 events since 2026-03-02."""
    history = similar.history
    if not history.count or history.first_seen is None:
        return (
            "in a collection; no sighting is recorded" if similar.memberships else "no sighting is recorded"
        )
    events = len(events_of(history.sightings))
    least = "" if history.complete else "at least "
    times = "once" if history.count == 1 else f"{least}{history.count:,} times"
    where = f" in {least}{events:,} event{'s' if events > 1 else ''}" if events else ""
    if not history.complete:
        return f"seen {times}{where}"
    when = _day(history.first_seen)
    return f"seen {times}{where}, on {when}" if history.count == 1 else f"seen {times}{where} since {when}"


def _where(similar: Similar) -> str:
    """How often, and when last."""
    history, text = similar.history, sighting_summary(similar)
    if history.count > 1 and history.complete and history.last_seen is not None:
        text += f", last on {_day(history.last_seen)}"
    return text


def _day(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).date().isoformat()
