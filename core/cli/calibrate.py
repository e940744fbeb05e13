"""`quaid calibrate`: from labelled pictures to a calibration, and from a chosen calibration to the verdicts
that are stored already.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..config import PREFIX
from ..errors import ConfigError, NotFound
from .terminal import json_line, say, with_progress

if TYPE_CHECKING:
    from ..decision.calibration import Calibration, Provenance
    from ..engine import Engine
    from ..evaluation.results import LabelledPair

FILE = click.Path(path_type=Path)
WRITTEN = Path("calibration.json")
#: Pictures of each kind that are edited, and questions without an answer for each picture, of an operator's
#: data set. chosen: some minutes.
OWN_PICTURES, OWN_UNANSWERED = 20, 5


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Labelled pairs, and what is known about where they come from."""

    pairs: list[LabelledPair]
    #: That were searched; at least that many where the file does not say.
    images: int
    provenance: Provenance


def options(function: Callable[..., int]) -> Callable[..., int]:
    """The argument and options of the command."""
    for option in reversed(
        (
            click.argument("sources", type=FILE, nargs=-1, metavar="[DATASET|RUN...|CALIBRATION.json]"),
            click.option(
                "--false-matches-per-million",
                "false_matches",
                type=float,
                metavar="R",
                help="Wrong matches you can live with, in a million queries.",
            ),
            click.option(
                "--reviews",
                type=float,
                metavar="SHARE",
                help="Share of the queries that may end in review, such as 0.01.",
            ),
            click.option(
                "--images",
                type=click.IntRange(1),
                metavar="N",
                help="Images searched; default: those in the store, or those of the pairs.",
            ),
            click.option(
                "--fit",
                "refit",
                is_flag=True,
                help="Fit the curves too, even where rates are named; needs thousands of pairs.",
            ),
            click.option(
                "--check",
                type=FILE,
                multiple=True,
                metavar="RUN",
                help="Run over another part, on which the result is measured; may be repeated.",
            ),
            click.option(
                "--leave-out",
                multiple=True,
                metavar="TEXT",
                help="Leave out pairs labelled different where both names hold this: their labels are wrong.",
            ),
            click.option(
                "--edits",
                default="suite",
                show_default=True,
                metavar="NAME,...",
                help="Edits after which the pictures of DATASET are asked for.",
            ),
            click.option("--seed", default=1, show_default=True, type=int, metavar="N"),
            click.option(
                "--name",
                default="",
                metavar="NAME",
                help="First part of the new calibration's id; default: fit or own, and the date.",
            ),
            click.option(
                "--out",
                type=FILE,
                metavar="FILE",
                help="Where the calibration goes; default: calibration.json, nowhere with --apply.",
            ),
            click.option(
                "--apply",
                is_flag=True,
                help="Keep it in the store, for every process, and decide the stored verdicts anew.",
            ),
            click.option(
                "--relink",
                is_flag=True,
                help="Search again for every linked image: finds what a lower threshold newly admits.",
            ),
            click.option(
                "--redecide",
                is_flag=True,
                help="Decide the stored verdicts anew with the calibration in use; ends a walk that was interrupted.",
            ),
            click.option(
                "--reset",
                is_flag=True,
                help="Go back to the calibration that this version ships with, and decide stored verdicts anew.",
            ),
            click.option("--show", is_flag=True, help="Print the calibration in use."),
        )
    ):
        function = option(function)
    return function


@options
def calibrate(
    *,
    sources: tuple[Path, ...],
    store: str | None,
    as_json: bool,
    show: bool,
    reset: bool,
    apply: bool,
    redecide: bool,
    relink: bool,
    **chosen: Any,
) -> int:
    """Make a calibration of labelled pictures, or thresholds for two rates, and use it.

    DATASET: a folder with groups.jsonl, with a sub-folder for each group, or a visjs graph; each picture is
    edited and asked for. RUN: what `quaid evaluate` wrote, its folder or the pairs.jsonl in it.
    CALIBRATION.json: a file made before, to apply. Without rates the curves are fitted, which takes thousands
    of pairs; with them some forty pictures will do, and the curves in use stay.
    """
    rates = chosen["false_matches"] is not None or chosen["reviews"] is not None
    makes = bool(sources) or rates
    if sum((makes, show, reset)) > 1 or not (makes or show or reset or redecide or relink):
        raise ConfigError(
            "name what to do: a DATASET, RUN or CALIBRATION.json, or rates; or --show, --reset, --redecide or --relink"
        )
    if apply and not makes:
        raise ConfigError(
            "--apply keeps a calibration that is made or named: give a DATASET, RUN or CALIBRATION.json, or rates"
        )
    made = _made(sources, store, as_json=as_json, keep=apply, **chosen) if makes else None
    if reset:
        _reset(store)
    if not (show or reset or apply or redecide or relink):
        return 0
    with _open(store) as engine:
        if apply and made is not None:
            engine.choose_calibration(made)
        if show:
            _show(engine, as_json=as_json)
        if reset or apply or redecide:
            _redecide(engine, as_json=as_json)
        if relink:
            count = engine.relink(tell=_told(engine, "linking again"))
            json_line({"linked_again": count}) if as_json else say(f"{count:,} images linked again")
    return 0


def _made(
    sources: tuple[Path, ...],
    store: str | None,
    *,
    as_json: bool,
    keep: bool,
    out: Path | None,
    name: str,
    refit: bool,
    check: tuple[Path, ...],
    **chosen: Any,
) -> Calibration:
    """Make the calibration that is asked for, write it, and tell about it."""
    from ..decision.calibration import shipped, write
    from ..evaluation.calibration_report import choice_json, report
    from ..evaluation.recalibration import fitted, held_out, with_rates
    from ..evaluation.thresholds import FALSE_MATCHES, REVIEWS, TargetRates

    if len(sources) == 1 and (known := _calibration_in(sources[0])) is not None:
        return known
    false_matches, reviews = chosen["false_matches"], chosen["reviews"]
    fits = refit or (false_matches is None and reviews is None)
    base, count = (shipped(), 0) if fits else _in_use(store, keep=keep)
    found = _evaluated(sources, edits=chosen["edits"], seed=chosen["seed"])
    found = replace(found, pairs=[pair for pair in found.pairs if not _left_out(pair, chosen["leave_out"])])
    images = chosen["images"] or (found.images if fits else count or base.tails.unanswered.images)
    wanted = TargetRates(
        images,
        FALSE_MATCHES if false_matches is None else false_matches,
        REVIEWS if reviews is None else reviews,
    )
    note = "Fitted to labelled pairs; thresholds" if fits else f"The curves of {base.id}; thresholds"
    note += f" for {wanted.false_matches:g} false matches in a million queries and {wanted.reviews:g} of them in review, at {images} images."
    note += f" Left out as labelled wrongly: {', '.join(chosen['leave_out'])}." if chosen["leave_out"] else ""
    name = name or f"{'fit' if fits else 'own'}-{found.provenance.date}"
    made, choice, best = (fitted if fits else with_rates)(
        found.pairs, wanted, base=base, name=name, provenance=replace(found.provenance, note=note)
    )
    held = held_out(_from_runs(check).pairs, made) if check else None
    written = out or (None if keep else WRITTEN)
    if written is not None:
        written.write_text(write(made), "utf-8")
    if as_json:
        json_line(choice_json(made, choice, best, held) | {"file": None if written is None else str(written)})
    else:
        say(report(made, choice, best, wanted=wanted, base=None if fits else base, held=held))
        say("" if written is None else f"written to {written}")
    return made


def _left_out(pair: LabelledPair, texts: tuple[str, ...]) -> bool:
    return pair.label is False and any(text in pair.query and text in pair.reference for text in texts)


def _calibration_in(source: Path) -> Calibration | None:
    """The calibration that a file holds; None for a folder and for a file of another kind."""
    from ..decision.calibration import parse

    if source.suffix != ".json" or not source.is_file():
        return None
    text = source.read_text("utf-8", "replace")
    try:
        other = "nodes" in json.loads(text)
    except ValueError:
        other = False
    return None if other else parse(text)


def _in_use(store: str | None, *, keep: bool) -> tuple[Calibration, int]:
    """The calibration to start from, and how many images are searched with it: those of the store that is
    meant, else the shipped one and 0.
    """
    from ..decision.calibration import shipped

    if store is None and not keep and f"{PREFIX}STORE" not in os.environ:
        return shipped(), 0
    with _open(store) as engine:
        return engine.calibration, engine.count()


def _evaluated(sources: tuple[Path, ...], *, edits: str, seed: int) -> Evaluated:
    if not sources:
        return Evaluated([], 0, _provenance([], "", {}, seed))
    if all(_is_run(source) for source in sources):
        return _from_runs(sources)
    if len(sources) > 1:
        raise ConfigError(
            "of data sets one at a time is calibrated with; give runs of quaid evaluate to take several together"
        )
    return _from_pictures(sources[0], edits=edits, seed=seed)


def _is_run(source: Path) -> bool:
    """Whether it is what `quaid evaluate` wrote, a folder or the pairs in it."""
    from ..evaluation.results import PAIRS

    if source.is_dir():
        return (source / PAIRS).is_file()
    if source.suffix != ".jsonl":
        return False
    try:
        with open(source, encoding="utf-8", errors="replace") as lines:
            return '"verdict"' in lines.readline(1 << 16)
    except OSError as error:
        raise NotFound(f"{source}: {error.strerror}") from None


def _from_runs(sources: tuple[Path, ...]) -> Evaluated:
    """Pairs of all these runs, with what run.json beside them says."""
    from ..evaluation.results import PAIRS, read_pairs
    from ..evaluation.run_files import HEADER

    pairs: list[LabelledPair] = []
    data: list[tuple[str, str]] = []
    header: dict[str, Any] = {}
    images = 0
    for source in sources:
        file = source / PAIRS if source.is_dir() else source
        pairs += read_pairs(file)
        beside = file.with_name(HEADER)
        header = json.loads(beside.read_text("utf-8")) if beside.is_file() else {}
        images = max(images, int(header.get("indexed", 0)))
        data.append(
            (Path(str(header.get("source", file))).name, hashlib.sha256(file.read_bytes()).hexdigest())
        )
    images = images or len({pair.reference for pair in pairs})
    return Evaluated(pairs, images, _provenance(data, str(header.get("part", "")), header, 0))


def _from_pictures(source: Path, *, edits: str, seed: int) -> Evaluated:
    """Ask for the pictures of a data set, edited and as they are, in a store of its own that is thrown away.
    A person grouped them, so members of a group show the same.
    """
    from ..evaluation.dataset import Dataset, Kind
    from ..evaluation.queries import SampleSizes, known_edits
    from ..evaluation.results import PAIRS, read_pairs
    from ..evaluation.run import RunPlan, run
    from ..evaluation.split import Split, Subset

    dataset = Dataset.load(source)
    pictures = tuple(
        replace(item, kind=Kind.SCREENSHOT) if item.kind is Kind.LINKED else item for item in dataset.items
    )
    dataset = replace(dataset, items=pictures, edges=frozenset())
    amounts = SampleSizes(OWN_PICTURES, OWN_PICTURES, OWN_UNANSWERED * len(pictures))
    plan = RunPlan(source, (), Subset.ALL, Split(), known_edits(edits), amounts, seed)
    with tempfile.TemporaryDirectory(prefix="quaid-calibrate-") as folder:
        ran = run(
            plan, Path(folder), store=None, processes=1, resume=False, progress=with_progress, dataset=dataset
        )
        pairs = list(read_pairs(Path(folder) / PAIRS))
    group = {item.file: item.group for item in pictures}
    same = [
        group.get(pair.query) is not None and group.get(pair.query) == group.get(pair.reference)
        for pair in pairs
    ]
    pairs = [
        replace(pair, label=True) if pair.label is None and one else pair
        for pair, one in zip(pairs, same, strict=True)
    ]
    digest = hashlib.sha256(
        "\n".join(sorted(sketch.image_id for sketch in ran.truth.sketches.values())).encode()
    ).hexdigest()
    return Evaluated(pairs, ran.indexed, _provenance([(source.resolve().name, digest)], "", ran.header, seed))


def _provenance(data: list[tuple[str, str]], part: str, header: dict[str, Any], seed: int) -> Provenance:
    from ..decision.calibration import Provenance
    from ..evaluation.run import commit

    return Provenance(
        note="",
        data=tuple(data),
        date=datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        commit=str(header.get("commit") or commit() or version("douglas-quaid")),
        part=part,
        seed=int(header.get("seed", seed)),
    )


def _open(store: str | None) -> Engine:
    from ..engine import Engine

    return Engine.open(store)


def _reset(store: str | None) -> None:
    """Without the engine, which would not open with a calibration that cannot be read."""
    from ..config import Config
    from ..store import Store

    with Store.open(Config.from_environment(store=store)) as opened:
        opened.drop_calibration()


def _show(engine: Engine, *, as_json: bool) -> None:
    from ..decision.calibration import shipped, write
    from ..evaluation.calibration_report import shown

    calibration = engine.calibration
    source = "shipped with this version" if calibration.id == shipped().id else "chosen for this store"
    if as_json:
        json_line({"source": source} | json.loads(write(calibration)))
    else:
        say(shown(calibration, source=source))


def _redecide(engine: Engine, *, as_json: bool) -> None:
    from ..evaluation.calibration_report import changes, changes_json

    done = engine.redecide(tell=_told(engine, "deciding anew"))
    if as_json:
        json_line({"calibration": engine.calibration.id} | changes_json(done))
    else:
        say(f"in use: {engine.calibration.id}")
        say(changes(done))


def _told(engine: Engine, label: str) -> Callable[[int], None]:
    """Hears how many images are done, and moves a bar with it."""
    bar = with_progress(iter(int, 1), engine.count(), label)

    def tell(images: int) -> None:
        for _ in range(images):
            next(bar, None)

    return tell
