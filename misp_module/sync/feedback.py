"""What analysts rejected becomes a veto: these two pictures are not the same, whatever we measure.

An analyst tags an attribute with `false-positive:...` or `workflow:state="rejected"`. Inside an answer of our
module that says: the picture that was asked about is none of those that this answer names. On an image it
says: this one is not what it was matched with. Tags are searched for in every pass, since a local tag moves
no timestamp; what was dealt with is noted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from douglas_quaid.engine import Engine
from douglas_quaid.errors import NotFound

from .attribute import Attribute, occurrence_of
from .bookmark import Noted
from .client import Client
from .filters import TYPES
from .outcome import Outcome, Status
from .walk import walk

#: Tags searched for; % stands for anything. spec: issue text, MISP taxonomies false-positive and workflow.
REJECTING = ("false-positive", "false-positive:%", 'workflow:state="rejected"')
#: Tags of that taxonomy with which nobody rejects anything. spec: MISP taxonomy false-positive.
SAYING_THE_OPPOSITE = (
    'false-positive:confirmed="false"',
    'false-positive:risk="low"',
    'false-positive:risk="cannot-be-judged"',
)


def feedback(
    engine: Engine,
    client: Client,
    done: Noted,
    tell: Callable[[Outcome], None],
    *,
    page_size: int,
    dry_run: bool,
) -> None:
    """Vetoes for all rejected attributes that were not dealt with before."""
    answers: dict[str, list[Attribute]] = {}
    for rows in walk(partial(client.tagged, REJECTING), size=page_size, sorts=client.sorts()):
        for row in filter(_is_rejected, rows):
            if row.type in TYPES:
                for outcome in _about_image(engine, row, dry_run):
                    tell(outcome)
            elif row.object_id is not None and row.uuid not in done:
                answers.setdefault(row.event, []).append(row)
    for event, rejected in answers.items():
        similarities = client.similarities(event)
        for row in rejected:
            pairs = [
                (asked, found)
                for said in similarities
                if row.uuid in said.attributes
                for asked in said.asked
                for found in said.found
            ]
            outcomes = [
                outcome for asked, found in pairs for outcome in _between(engine, row, asked, found, dry_run)
            ]
            for outcome in outcomes:
                tell(outcome)
            if not dry_run and all(outcome.status is Status.VETOED for outcome in outcomes):
                done.add(row.uuid)


def _is_rejected(attribute: Attribute) -> bool:
    """By a tag of its own; MISP's search finds attributes of tagged events too."""
    return any(_rejects(tag.casefold()) for tag in attribute.tags) and not attribute.deleted


def _rejects(tag: str) -> bool:
    return tag == REJECTING[2] or (tag.partition(":")[0] == REJECTING[0] and tag not in SAYING_THE_OPPOSITE)


def _about_image(engine: Engine, attribute: Attribute, dry_run: bool) -> Iterator[Outcome]:
    """The image is none of those that its stored verdicts name."""
    images = _images(engine, attribute.uuid)
    if not images:
        yield _not_in_store(attribute, attribute.uuid)
    for image_id in images:
        yield from _vetoes(
            engine, attribute, image_id, [hit.image_id for hit in engine.hits(image_id)], dry_run
        )


def _between(
    engine: Engine, attribute: Attribute, asked: str, found: str, dry_run: bool
) -> Iterator[Outcome]:
    """The picture asked about is not the one that the rejected answer names."""
    both = [_images(engine, uuid) for uuid in (asked, found)]
    for uuid, images in zip((asked, found), both, strict=True):
        if not images:
            yield _not_in_store(attribute, uuid)
    for image_id in both[0]:
        yield from _vetoes(engine, attribute, image_id, both[1], dry_run)


def _vetoes(
    engine: Engine, attribute: Attribute, image_id: str, others: Iterable[str], dry_run: bool
) -> Iterator[Outcome]:
    for other in others:
        if other == image_id:  # the same bytes at two places
            continue
        try:
            if not dry_run:
                engine.veto(image_id, other)
            yield Outcome.of(
                attribute,
                Status.WOULD_VETO if dry_run else Status.VETOED,
                image_id=image_id,
                reason=f"not image {other}",
            )
        except NotFound:  # forgotten meanwhile
            yield _not_in_store(attribute, attribute.uuid)


def _images(engine: Engine, attribute: str) -> list[str]:
    (seen,) = engine.sightings([occurrence_of(attribute)])
    return [one.image_id for one in seen]


def _not_in_store(attribute: Attribute, missing: str) -> Outcome:
    return Outcome.of(
        attribute,
        Status.NOT_IN_STORE,
        reason=f"rejected, but the image of attribute {missing} is not in the store",
    )
