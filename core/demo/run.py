"""Runs the demonstration and writes its page: what was added, what was queried, and each answer with its
evidence and a drawing of both pictures.

The page is one HTML file that needs nothing else: styles and pictures are inside, there is no script, and
nothing is loaded from elsewhere, so that it can be sent to somebody or kept.
"""

import base64
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from PIL import Image

from ..answers import Hit
from ..engine import Engine
from ..evaluation.edits import encoded, opened
from ..overlay import CAPTION
from ..records import Decision, Evidence
from .pictures import sample
from .queries import DEMO_QUERIES, STORED_SAMPLES, DemoAnswer, add_samples

#: Maximum width and height of a picture on the page in pixels; larger pictures are scaled down. chosen.
WIDTH, HEIGHT = 1500, 900


def run_demo(
    engine: Engine, output: Path, *, tell: Callable[[DemoAnswer], None]
) -> tuple[Path, list[DemoAnswer]]:
    """Add, query, call `tell` with each answer as it arrives, and write the page. Return the page's path and
    all answers.

    `output`/index.html is the page; `output`/known and `output`/asked contain the pictures, for trying other
    commands. `engine` is open on an empty store, which keeps the samples afterwards, so it should be a
    throwaway one.
    """
    for folder in ("known", "asked"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    names = add_samples(engine)
    for name in names.values():
        (output / "known" / name).write_bytes(sample(f"indexed/{name}"))
    answers = []
    for query in DEMO_QUERIES:
        picture = query.draw()
        result = engine.query(picture, include_same_template=True, name=query.title)
        answer = DemoAnswer(query, picture, result, names)
        answers.append(answer)
        tell(answer)
        (output / "asked" / query.file_name(picture)).write_bytes(picture)
    page = output / "index.html"
    page.write_text(_page(engine, answers), "utf-8")
    return page, answers


def _page(engine: Engine, answers: Sequence[DemoAnswer]) -> str:
    right = sum(answer.right for answer in answers)
    counts = Counter(answer.result.decision for answer in answers)
    return Template((resources.files(__package__) / "page.html").read_text("utf-8")).substitute(
        known=len(STORED_SAMPLES),
        asked=len(answers),
        right="all" if right == len(answers) else f"{right}",
        decisions="".join(
            f'<li class="{decision.value}"><b>{counts[decision]}</b>{decision.value}</li>'
            for decision in Decision
        ),
        gallery="\n".join(_tile(name, labels or {}) for name, labels in STORED_SAMPLES),
        cards="\n".join(_card(engine, number, answer) for number, answer in enumerate(answers, 1)),
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _tile(name: str, labels: Mapping[str, str]) -> str:
    picture = _picture(sample(f"indexed/{name}"), name, 420, 280, top=True)
    return f"<figure>{picture}<figcaption>{escape(name)}{_labels(labels)}</figcaption></figure>"


def _labels(labels: Mapping[str, str]) -> str:
    return "".join(f"<span>{escape(key)}={escape(value)}</span>" for key, value in labels.items())


def _card(engine: Engine, number: int, answer: DemoAnswer) -> str:
    decision = answer.result.decision.value
    if answer.hits:
        body = "".join(_hit(engine, answer.picture, hit, answer.names[hit.image_id]) for hit in answer.hits)
    else:
        why = (
            "nothing in the store resembles it"
            if answer.result.informative
            else "it is blank, and a blank picture matches nothing"
        )
        picture = _picture(answer.picture, "the queried picture", 460, 300)
        body = f'<p class="sentence">None of {answer.result.images_searched} pictures: {why}.</p>{picture}'
    wrong = "" if answer.right else '<span class="wrong">not the expected answer</span>'
    return (
        f'<article class="{decision}"><header><span class="number">{number}</span>'
        f"<h3>{escape(answer.query.title)}</h3>{wrong}"
        f'<span class="badge">{decision}</span></header>{body}</article>'
    )


def _hit(engine: Engine, picture: bytes, hit: Hit, name: str) -> str:
    labels = "".join(_labels(membership.labels) for membership in hit.collections)
    relation = "" if hit.relation is None else f"<b>{hit.relation.value}</b> &middot; "
    overlay = _picture(
        engine.overlay(picture, sample(f"indexed/{name}")),
        f"left: query; right: {name}",
        WIDTH,
        HEIGHT,
        above=CAPTION,
    )
    return (
        f'<section><p class="found">{relation}{escape(name)} {labels}'
        f'<span class="confidence" title="confidence">'
        f'<i style="width:{100 * hit.confidence:.0f}%"></i></span>'
        f'{hit.confidence:.3f}</p><p class="sentence">{escape(hit.sentence)}.</p>{overlay}'
        f"<details><summary>Evidence</summary><table>{_rows(hit.evidence)}</table></details></section>"
    )


def _rows(evidence: Evidence) -> str:
    def share(value: float | None) -> str | None:
        return None if value is None else f"{100 * value:.0f} %"

    def answer(value: bool | None) -> str | None:
        return None if value is None else "yes" if value else "no"

    hashes = (evidence.phash_bits, evidence.dhash_bits, evidence.ahash_bits)
    measured = (
        ("Same bytes", answer(evidence.same_bytes)),
        ("Same pixels", answer(evidence.same_pixels)),
        ("PDQ distance", None if evidence.pdq_bits is None else f"{evidence.pdq_bits} of 256 bits"),
        ("pHash, dHash, aHash", None if None in hashes else f"{', '.join(map(str, hashes))} of 64 bits"),
        ("Keypoints that agree on one transform", evidence.inliers),
        ("Coverage of the query", share(evidence.covered_query)),
        ("Coverage of the stored picture", share(evidence.covered_reference)),
        ("Content that agrees in the overlap", share(evidence.content_agreement)),
        ("Outcome of the comparison", evidence.configuration.value),
    )
    return "".join(
        f"<tr><th>{name}</th><td>{'not needed' if value is None else value}</td></tr>"
        for name, value in measured
    )


def _picture(data: bytes, alt: str, width: int, height: int, *, top: bool = False, above: int = 0) -> str:
    """Return an `img` of the picture, scaled to fit, without the first `above` rows. `top`: only the upper
    part of a tall picture.
    """
    picture = opened(data)
    bottom = min(picture.height, above + picture.width) if top else picture.height
    picture = picture.crop((0, above, picture.width, bottom))
    picture.thumbnail((width, height), Image.Resampling.LANCZOS)
    source = base64.b64encode(encoded(picture, "WEBP", quality=82)).decode("ascii")
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img alt="{escape(alt)}" {size} src="data:image/webp;base64,{source}">'
