"""The demonstration's page: what was added, what was asked, and each answer with its evidence and both
pictures drawn.

Takes the known pictures and the answers, gives one HTML file that needs nothing else: styles and pictures are
inside, there is no script and nothing is loaded from anywhere, so that it can be sent to somebody or kept.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from datetime import datetime, timezone
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from PIL import Image

from ..answers import Hit
from ..engine import Engine
from ..overlay import CAPTION
from ..records import Decision, Evidence
from .queries import DemoAnswer, SamplePicture

#: Largest picture on the page, in pixels; larger ones are scaled down. chosen.
WIDTH, HEIGHT = 1500, 900


def write_report(
    engine: Engine, known: Sequence[SamplePicture], answers: Sequence[DemoAnswer], folder: Path
) -> Path:
    """Write `folder`/index.html and give its path; the folder is made when it is not there."""
    by_id = {picture.image_id: picture for picture in known}
    cards = "\n".join(_card(engine, number, answer, by_id) for number, answer in enumerate(answers, 1))
    right = sum(answer.right for answer in answers)
    decisions = "".join(
        f'<li class="{decision.value}"><b>{sum(answer.result.decision is decision for answer in answers)}</b>{decision.value}</li>'
        for decision in Decision
    )
    page = Template((resources.files(__package__) / "page.html").read_text("utf-8")).substitute(
        known=len(known),
        asked=len(answers),
        right="all" if right == len(answers) else f"{right}",
        decisions=decisions,
        gallery="\n".join(_tile(picture) for picture in known),
        cards=cards,
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def _tile(picture: SamplePicture) -> str:
    labels = "".join(
        f"<span>{escape(key)}={escape(value)}</span>" for key, value in (picture.labels or {}).items()
    )
    return f"<figure>{_picture(picture.picture, picture.name, 420, 280, top=True)}<figcaption>{escape(picture.name)}{labels}</figcaption></figure>"


def _card(engine: Engine, number: int, answer: DemoAnswer, known: dict[str, SamplePicture]) -> str:
    decision = answer.result.decision
    if answer.hits:
        body = "".join(_hit(engine, answer.picture, hit, known[hit.image_id]) for hit in answer.hits)
    else:
        why = (
            "nothing in the store resembles it"
            if answer.result.informative
            else "it is blank, and such a picture matches nothing but itself"
        )
        asked = _picture(answer.picture, "the picture that was asked", 460, 300)
        body = f'<p class="sentence">None of {answer.result.images_searched} pictures: {why}.</p>{asked}'
    wrong = "" if answer.right else '<span class="wrong">not the expected answer</span>'
    return (
        f'<article class="{decision.value}"><header><span class="number">{number}</span><h3>{escape(answer.question.title)}</h3>{wrong}'
        f'<span class="badge">{decision.value}</span></header>{body}</article>'
    )


def _hit(engine: Engine, picture: bytes, hit: Hit, reference: SamplePicture) -> str:
    labels = "".join(
        f"<span>{escape(key)}={escape(value)}</span>"
        for membership in hit.collections
        for key, value in membership.labels.items()
    )
    relation = "" if hit.relation is None else f"<b>{hit.relation.value}</b> &middot; "
    overlay = _picture(
        engine.overlay(picture, reference.picture),
        f"left: asked; right: {reference.name}",
        WIDTH,
        HEIGHT,
        above=CAPTION,
    )
    return (
        f'<section><p class="found">{relation}{escape(reference.name)} {labels}<span class="confidence" title="confidence">'
        f'<i style="width:{100 * hit.confidence:.0f}%"></i></span>{hit.confidence:.3f}</p>'
        f'<p class="sentence">{escape(hit.sentence)}.</p>{overlay}'
        f"<details><summary>Evidence</summary><table>{_rows(hit.evidence)}</table></details></section>"
    )


def _rows(evidence: Evidence) -> str:
    def share(value: float | None) -> str | None:
        return None if value is None else f"{100 * value:.0f} %"

    def bits(value: int | None, of: int) -> str | None:
        return None if value is None else f"{value} of {of} bits"

    measured = (
        ("Same bytes", {True: "yes", False: "no", None: None}[evidence.same_bytes]),
        ("Same pixels", {True: "yes", False: "no", None: None}[evidence.same_pixels]),
        ("PDQ distance", bits(evidence.pdq_bits, 256)),
        (
            "pHash, dHash, aHash",
            ", ".join(str(value) for value in (evidence.phash_bits, evidence.dhash_bits, evidence.ahash_bits))
            + " of 64 bits",
        ),
        ("Keypoints that agree on one map", evidence.inliers),
        ("Of the asked picture covered", share(evidence.covered_query)),
        ("Of the known picture covered", share(evidence.covered_reference)),
        ("Content that agrees inside", share(evidence.content_agreement)),
        ("Outcome of the comparison", evidence.configuration.value),
    )
    return "".join(
        f"<tr><th>{name}</th><td>{'not needed' if value is None or str(value).startswith('None') else value}</td></tr>"
        for name, value in measured
    )


def _picture(data: bytes, alt: str, width: int, height: int, *, top: bool = False, above: int = 0) -> str:
    """The picture, scaled to fit, without the rows `above`; of a tall one only the `top` when that is enough."""
    with Image.open(io.BytesIO(data)) as opened:
        picture = opened.convert("RGB").crop((0, above, opened.width, opened.height))
    if top:
        picture = picture.crop((0, 0, picture.width, min(picture.height, picture.width)))
    picture.thumbnail((width, height), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=82)
    source = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<img alt="{escape(alt)}" width="{picture.width}" height="{picture.height}" src="data:image/webp;base64,{source}">'
