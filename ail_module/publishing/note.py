"""The note on AIL's page of an object: which pictures it matches or may match, where they were seen, and why.

It is plain text. Names of domains, chats and brands come from strangers, and AIL's pages put a description
into a script once: every character that is not a letter, a digit or harmless punctuation becomes `?`.
"""

from collections.abc import Iterator

from douglas_quaid import Decision
from douglas_quaid.decision.likelihood import TOLD_FROM, band

from ..objects import AilObject
from .ledger import Entry, Kind, Note, Tag
from .store_view import Finding, Places, StoreView

#: Maximum number of domains and chats that are named of one picture. chosen: a line of text.
PLACES = 4
#: Maximum length of a line, which holds a name, an id, places and a sentence. chosen.
LINE_CHARACTERS = 700
#: Maximum length of a place. spec: a v3 onion name has 62 characters.
PLACE_CHARACTERS = 80
#: Punctuation that neither HTML nor JavaScript reads.
_HARMLESS = frozenset(" .,:;()/%+*=@#_-")


def note(
    view: StoreView, written: Entry, match: Finding | AilObject | None, review: Finding | None
) -> tuple[Note, ...]:
    """Return the note of an object, or nothing if there is nothing to say. Raises StoreError.

    `written`: what else is written about it. `match`, `review`: why it carries these tags.
    """
    lines = list(dict.fromkeys(_plain(line) for line in _lines(view, written, match, review)))
    return (Note("\n".join(["Visual correlation", *lines])),) if lines else ()


def _lines(
    view: StoreView, written: Entry, match: Finding | AilObject | None, review: Finding | None
) -> Iterator[str]:
    named = {line.via for line in written.correlations} | {tag.about for tag in written.tags}
    own = next((each for each in view.own if each.other == view.centre), None) or next(iter(view.own), None)
    for found in (own, match):
        if isinstance(found, Finding):
            yield _pair(view, "match", found)
    for found in view.parts:
        if found.hit.image_id in named and found != match:
            yield _pair(view, "match", found)
    if review:
        yield _pair(view, "review, please compare", review)
    for line in written.correlations:
        if not line.via and (own is None or own.other != line.other):
            yield f"same cluster: {_object(view, line.other)}, through other pictures"
        elif line.via and line.other.id != line.via:
            yield f"drawn: {_object(view, line.other)}, which stands for the cluster of image {line.via}"
    surest = {each.hit.image_id: each for each in reversed(view.findings)}
    for tag in written.tags:
        if tag.kind is Kind.REFERENCE and tag.about in surest:
            yield _reference(view, tag, surest[tag.about])
    if view.is_at_several_places and (written.tags or written.correlations):
        yield f"the same file: {_places(view.places(view.obj))}"
    if view.own:
        yield f"all of them: quaid ail cluster {view.obj.gid}"


def _pair(view: StoreView, name: str, found: Finding) -> str:
    other = _object(view, found.other) if found.other else f"image {found.hit.image_id} of a collection"
    return f"{name}: {other}; {_reason(found)}"


def _reference(view: StoreView, tag: Tag, found: Finding) -> str:
    """The picture of a collection, and which of its collections gave the tag."""
    names = [kept.name for kept in found.hit.collections if view.tag_of(kept) == tag.name]
    where = f" of collection {names[0]}" if names else ""
    return f"{_value(tag.name)}: image {tag.about}{where}; {_reason(found)}"


def _reason(found: Finding) -> str:
    hit = found.hit
    relation = hit.relation.value if hit.relation else "related"
    is_told = hit.decision is Decision.MATCH or hit.confidence >= TOLD_FROM
    likely = f" ({band(hit.confidence)})" if is_told else ""
    return f"{relation}, confidence {hit.confidence:.2f}{likely}: {hit.sentence}"


def _object(view: StoreView, obj: AilObject) -> str:
    where = _places(view.places(obj))
    return f"{obj.gid} on {where}" if where else obj.gid


def _places(places: Places) -> str:
    """The first places, in words."""
    parts = [_some("domain", places.domains), _some("chat", places.chats)]
    return ", ".join(part for part in parts if part)


def _some(kind: str, names: tuple[str, ...]) -> str:
    if not names:
        return ""
    shown = ", ".join(name[:PLACE_CHARACTERS] for name in names[:PLACES])
    more = f" and {len(names) - PLACES} more" if len(names) > PLACES else ""
    return f"{kind}{'s' * (len(names) > 1)} {shown}{more}"


def _value(tag: str) -> str:
    """What a tag says, without its namespace."""
    return tag.partition('"')[2].rstrip('"') or tag


def _plain(line: str) -> str:
    """A line without characters that a page might read as anything but text."""
    return "".join(c if c.isalnum() or c in _HARMLESS else "?" for c in line[:LINE_CHARACTERS])
