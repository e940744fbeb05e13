"""The review page: what is asked next, what was answered, what is taken back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from ..errors import ConfigError, FormatError, NotFound
from ..records import ImageId, JudgementWord
from ..review.export import as_lines, labelled_pairs
from ..review.pairs import shown_pair
from ..service.fields import Field, Kind
from ..service.refusals import Refusal, Reply
from ..service.uploads import Body
from ..store.access_keys import Right
from .asked import Asked, Route
from .pair_view import pair_json
from .rendering import HEADERS, json_data, page
from .words import ANSWERS

#: Where a judgement of this page comes from.
SOURCE = "review page"
#: Pairs that a page may have open: the one on the screen, some that wait, some answers on their way. chosen.
MOST_HELD = 200

_IMAGE = re.compile(r"[0-9a-f]{64}")


def show(asked: Asked) -> Reply:
    """Return the page; the pairs come to its script."""
    return page("review.html", answers=ANSWERS, single="", **asked.common)


def show_pair(asked: Asked) -> Reply:
    """Return the page of exactly one pair: two ids, joined by a hyphen."""
    a, b = _pair(asked.name, "-")
    asked.sight.require(a, b)
    return page("review.html", answers=ANSWERS, single=f"{a} {b}", **asked.common)


def following(asked: Asked) -> Reply:
    """Return the next pairs, each lent to the holder. Raises ConfigError for too many that are held."""
    held = [_pair(text, " ") for text in asked.values.get("held", ())]
    if len(held) > MOST_HELD:
        raise ConfigError(f"held: {len(held)} pairs; at most {MOST_HELD}")
    sight = asked.sight
    found = asked.queue.next(
        asked.values["holder"],
        count=min(asked.values.get("count", 1), 8) if asked.values.get("more", True) else 0,
        held=held,
        visible=None if sight.sees_all else sight.visible,
    )
    pairs, problems = list[dict[str, Any]](), list[str]()
    for question in found.questions:
        try:
            shown = shown_pair(asked.engine, question.pair.a, question.pair.b)
        except NotFound:  # forgotten at this moment
            continue
        except FormatError as error:  # what is stored of one pair is broken; the others are shown
            problems.append(type(error).__name__)
            continue
        pairs.append(pair_json(shown, sight, settles=question.settles))
    lost = [" ".join(sorted(pair)) for pair in found.lost]
    return json_data({"pairs": pairs, "lost": lost, "left": found.left, "problems": problems})


def one(asked: Asked) -> Reply:
    """Return one pair, whatever was said of it, with what was said."""
    a, b = _pair(asked.name, "-")
    asked.sight.require(a, b)
    line = pair_json(shown_pair(asked.engine, a, b), asked.sight, settles=1)
    said = asked.engine.judgements_of([a])[0].get(b)
    return json_data(line | {"said": None if said is None else said.word.value})


def answer(asked: Asked) -> Reply:
    """Keep what a person says of a pair."""
    a, b = _pair(asked.values["pair"], " ")
    asked.sight.require(a, b)
    word, engine = JudgementWord(asked.values["word"]), asked.engine
    outcome = engine.judge(a, b, word, who=asked.caller.name, source=SOURCE, when=datetime.now(timezone.utc))
    asked.queue.answered(a, b)
    engine.release_leases([(a, b)], asked.values["holder"])
    return json_data({"outcome": outcome.value})


def undo(asked: Asked) -> Reply:
    """Take back what the caller said of a pair, and lend it to the holder again. Raises Refusal 409 where
    somebody else judged it meanwhile.
    """
    a, b = _pair(asked.values["pair"], " ")
    asked.sight.require(a, b)
    said = asked.engine.judgements_of([a])[0].get(b)
    if said is not None:
        if said.who != asked.caller.name:
            raise Refusal(409, ConfigError("somebody else judged this pair meanwhile; it stays as it is"))
        asked.engine.undo(a, b)
    asked.queue.undone()
    asked.engine.take_leases([(a, b)], asked.values["holder"], seconds=60.0)
    return json_data({"undone": said is not None})


def export(asked: Asked) -> Reply:
    """Return what persons said as labelled pairs. Raises Refusal 403 for a key that does not see all."""
    asked.require_sight()
    name = {"Content-Disposition": 'attachment; filename="pairs.jsonl"'}
    return Reply(200, as_lines(labelled_pairs(asked.engine)), "application/x-ndjson", HEADERS | name)


def _pair(text: str, between: str) -> tuple[ImageId, ImageId]:
    ids: Sequence[str] = text.split(between)
    if len(ids) != 2 or not all(map(_IMAGE.fullmatch, ids)) or ids[0] == ids[1]:
        raise ConfigError(f"pair {text[:160]!r}: expected the ids of two images")
    return ids[0], ids[1]


_HOLDER = Field(name="holder", required=True, meaning="random name of the browser's tab")
_PAIR = Field(name="pair", required=True, meaning="ids of two images")
_WORD = Field(
    name="word", required=True, meaning="what is said", choices=tuple(word.value for _, word, _ in ANSWERS)
)

#: The paths of this file.
ROUTES = (
    Route(method="GET", path="", right=Right.REVIEW, handler=show),
    Route(method="GET", path="/pair/{name}", right=Right.REVIEW, handler=show_pair),
    Route(method="GET", path="/one/{name}", right=Right.REVIEW, handler=one, data=True, heavy=True),
    Route(
        method="POST",
        path="/next",
        right=Right.REVIEW,
        handler=following,
        data=True,
        body=Body.FIELDS,
        fields=(
            _HOLDER,
            Field(name="count", kind=Kind.WHOLE, meaning="how many are wanted"),
            Field(name="more", kind=Kind.FLAG, meaning="false: only renew what is held"),
            Field(name="held", many=True, meaning="pairs that the tab has"),
        ),
    ),
    Route(
        method="POST",
        path="/answer",
        right=Right.REVIEW,
        handler=answer,
        data=True,
        body=Body.FIELDS,
        fields=(_HOLDER, _PAIR, _WORD),
    ),
    Route(
        method="POST",
        path="/undo",
        right=Right.REVIEW,
        handler=undo,
        data=True,
        body=Body.FIELDS,
        fields=(_HOLDER, _PAIR),
    ),
    Route(method="GET", path="/export", right=Right.REVIEW, handler=export),
)
