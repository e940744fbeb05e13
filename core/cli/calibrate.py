"""`quaid calibrate`: makes a calibration from labelled pictures, and applies one to the verdicts that are
stored already.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..config import PREFIX
from ..errors import ConfigError
from .group import command, open_engine
from .terminal import print_result, progress_of, with_progress

if TYPE_CHECKING:
    from ..decision.calibration import Calibration
    from ..engine import Engine

#: Type of the arguments that name files and folders.
FILE = click.Path(path_type=Path)
#: File of a new calibration, unless another one is named.
DEFAULT_OUT = Path("calibration.json")


@command("calibrate")
@click.argument("sources", type=FILE, nargs=-1, metavar="[DATASET|RUN...|CALIBRATION.json]")
@click.option(
    "--false-matches-per-million",
    "false_matches",
    type=float,
    metavar="R",
    help="Accepted number of wrong matches in a million queries.",
)
@click.option(
    "--reviews",
    type=float,
    metavar="SHARE",
    help="Accepted share of queries that end in review, such as 0.01.",
)
@click.option(
    "--images",
    type=click.IntRange(1),
    metavar="N",
    help="Number of images searched. Default: those in the store, or those of the pairs.",
)
@click.option(
    "--fit",
    "refit",
    is_flag=True,
    help="Fit the curves, too, even if rates are named; needs thousands of pairs.",
)
@click.option(
    "--check",
    type=FILE,
    multiple=True,
    metavar="RUN",
    help="Measure the result on this run over another part. May be repeated.",
)
@click.option(
    "--leave-out",
    multiple=True,
    metavar="TEXT",
    help="Leave out pairs labelled different whose names both contain TEXT, because their labels are wrong. "
    "May be repeated.",
)
@click.option(
    "--edits",
    default="suite",
    show_default=True,
    metavar="NAME,...",
    help="Edits applied to the pictures of DATASET before they are used as queries.",
)
@click.option(
    "--seed", default=1, show_default=True, type=int, metavar="N", help="Seed of all random samples."
)
@click.option(
    "--name",
    default="",
    metavar="NAME",
    help="First part of the new calibration's id. Default: fit or own, and the date.",
)
@click.option(
    "--out",
    type=FILE,
    metavar="FILE",
    help=f"File of the new calibration. Default: {DEFAULT_OUT}, or none with --apply.",
)
@click.option(
    "--apply",
    is_flag=True,
    help="Use the calibration in the store, in every process, and decide the stored verdicts again.",
)
@click.option(
    "--relink",
    is_flag=True,
    help="Search again for every linked image, to find what a lower threshold newly admits.",
)
@click.option(
    "--redecide",
    is_flag=True,
    help="Decide the stored verdicts again with the calibration in use, for instance after an interruption.",
)
@click.option(
    "--reset",
    is_flag=True,
    help="Return to the calibration shipped with this version, and decide the stored verdicts again.",
)
@click.option("--show", is_flag=True, help="Print the calibration in use.")
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
) -> None:
    """Make a calibration from labelled pictures, or thresholds for two rates, and use it.

    DATASET is a folder with groups.jsonl, a folder with a sub-folder for each group, or a visjs graph; its
    pictures are edited and used as queries. RUN is the output of `quaid evaluate`: its folder, or the
    pairs.jsonl in it. CALIBRATION.json is an existing calibration to apply. Without rates the curves are
    fitted, which needs thousands of pairs. With rates about forty pictures are enough, and the curves in use
    stay.
    """
    makes = bool(sources) or chosen["false_matches"] is not None or chosen["reviews"] is not None
    _check(makes, show=show, reset=reset, apply=apply, other=redecide or relink)
    made = _make(sources, store, as_json=as_json, keep=apply, **chosen) if makes else None
    if reset:
        _reset(store)
    if not (show or reset or apply or redecide or relink):
        return
    with open_engine(store) as engine:
        if apply and made is not None:
            engine.choose_calibration(made)
        if show:
            _show(engine, as_json=as_json)
        if reset or apply or redecide:
            _redecide(engine, as_json=as_json)
        if relink:
            count = engine.relink(tell=progress_of(engine.count(), "linking again"))
            print_result({"linked_again": count}, f"{count:,} images linked again", as_json=as_json)


def _check(makes: bool, *, show: bool, reset: bool, apply: bool, other: bool) -> None:
    if sum((makes, show, reset)) > 1 or not (makes or show or reset or other):
        raise ConfigError(
            "say what to do: give a DATASET, RUN or CALIBRATION.json, or rates; or one of --show, --reset, "
            "--redecide and --relink"
        )
    if apply and not makes:
        raise ConfigError("--apply needs a calibration: give a DATASET, RUN or CALIBRATION.json, or rates")


def _make(
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
    """Return the calibration that the arguments ask for, after writing and reporting it."""
    from ..decision.calibration_file import shipped, write
    from ..evaluation.calibration_report import new_calibration_json, report
    from ..evaluation.fit import label_counts
    from ..evaluation.recalibration import adjust_thresholds, fit_calibration, measure_held_out
    from ..evaluation.sources import load_pairs, pairs_of_runs
    from ..evaluation.thresholds import FALSE_MATCHES, REVIEWS, TargetRates

    if len(sources) == 1 and (known := _calibration_in(sources[0])) is not None:
        return known
    false_matches, reviews, leave_out = chosen["false_matches"], chosen["reviews"], chosen["leave_out"]
    fits = refit or (false_matches is None and reviews is None)
    base, count = (shipped(), 0) if fits else _in_use(store, keep=keep)
    found = load_pairs(sources, edits=chosen["edits"], seed=chosen["seed"], progress=with_progress)
    found = found.without(leave_out)
    rates = TargetRates(
        chosen["images"] or (found.images if fits else count or base.tails.unanswered.images),
        FALSE_MATCHES if false_matches is None else false_matches,
        REVIEWS if reviews is None else reviews,
    )
    note = (
        f"{'Fitted to labelled pairs' if fits else f'The curves of {base.id}'}; thresholds for "
        f"{rates.false_matches:g} false matches in a million queries and {rates.reviews:g} of them in "
        f"review, at {rates.images} images."
    )
    note += f" Left out because their labels are wrong: {', '.join(leave_out)}." if leave_out else ""
    made = (fit_calibration if fits else adjust_thresholds)(
        found.pairs,
        rates,
        base=base,
        name=name or f"{'fit' if fits else 'own'}-{found.provenance.date}",
        provenance=replace(found.provenance, note=note, counts=label_counts(found.pairs)),
    )
    held = measure_held_out(pairs_of_runs(check).pairs, made.calibration) if check else None
    written = out or (None if keep else DEFAULT_OUT)
    if written is not None:
        written.write_text(write(made.calibration), "utf-8")
    line = new_calibration_json(made, rates, held) | {"file": None if written is None else str(written)}
    text = report(made, rates=rates, base=None if fits else base, held=held)
    where = "" if written is None else f"written to {written}"
    print_result(line, *text.split("\n"), where, as_json=as_json)
    return made.calibration


def _calibration_in(source: Path) -> Calibration | None:
    """Return the calibration in a file; None for a folder and for a file of another kind."""
    from ..decision.calibration_file import parse
    from ..files import read_regular

    if source.suffix != ".json" or not source.is_file():
        return None
    text = read_regular(source).decode("utf-8", "replace")
    try:
        is_graph = "nodes" in json.loads(text)
    except ValueError:
        is_graph = False
    return None if is_graph else parse(text)


def _in_use(store: str | None, *, keep: bool) -> tuple[Calibration, int]:
    """Return the calibration in use and the number of images in the store; without a store, the shipped
    calibration and 0.
    """
    from ..decision.calibration_file import shipped

    if store is None and not keep and f"{PREFIX}STORE" not in os.environ:
        return shipped(), 0
    with open_engine(store) as engine:
        return engine.calibration, engine.count()


def _reset(store: str | None) -> None:
    """Drop the chosen calibration without the engine, which cannot be opened with a broken one."""
    from ..config import Config
    from ..store import Store

    with Store.open(Config.from_environment(store=store)) as opened:
        opened.settings.drop_calibration()


def _show(engine: Engine, *, as_json: bool) -> None:
    from ..decision.calibration_file import shipped, write
    from ..evaluation.calibration_report import describe

    calibration = engine.calibration
    source = "shipped with this version" if calibration.id == shipped().id else "chosen for this store"
    print_result(
        {"source": source} | json.loads(write(calibration)),
        *describe(calibration, source=source).split("\n"),
        as_json=as_json,
    )


def _redecide(engine: Engine, *, as_json: bool) -> None:
    from ..evaluation.calibration_report import changes, changes_json

    done = engine.redecide(tell=progress_of(engine.count(), "deciding again"))
    name = engine.calibration.id
    print_result(
        {"calibration": name} | changes_json(done),
        f"in use: {name}",
        *changes(done).split("\n"),
        as_json=as_json,
    )
