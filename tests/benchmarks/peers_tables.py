"""The tables of peers.py: scored pairs in, Markdown out."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from . import report
from .peers_scoring import (
    GROUPS,
    OTHER,
    RIGHT,
    SAME_SITE,
    Rule,
    Scored,
    accepted,
    best_at_budget,
    found_by_edit,
    mean_found,
    published,
)
from .peers_systems import DECISIONS, LIMITS, OURS

KINDS = ("screenshots", "photographs")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: a system with one way to decide."""

    #: Name of the system.
    system: str
    #: `match`, published, or equal: at the limit where it makes as many false matches as we do.
    way: str
    #: What it accepts, in words.
    words: str
    #: What it accepts.
    rule: Rule


@dataclass(frozen=True, slots=True)
class Extracted:
    """The cost of the features of one edited picture, decoding included."""

    #: Name of the system.
    system: str
    #: CPU time.
    seconds: float


def rows_of(pairs: Sequence[Scored]) -> list[Row]:
    """Return a row for ours, and two for each peer: as published, and at equal false matches."""
    by_system = _by_system(pairs)
    ours = published(DECISIONS["match"])
    allowed = accepted((pair for pair in by_system[OURS] if pair.stratum == OTHER), ours)
    rows = [
        Row(OURS, "`match`", "`match`", ours),
        Row(OURS, "`match` or `review`", "`match` or `review`", published(DECISIONS["review"])),
    ]
    for name in (name for name in by_system if name != OURS):
        limits, equal = LIMITS[name], best_at_budget(by_system[name], allowed)
        rows.append(Row(name, "published", limits[0].words, published(limits[0].published)))
        rows.append(Row(name, "equal", limits[equal.place].show(equal.above), equal))
    return rows


def print_tables(rows: Sequence[Row], pairs: Sequence[Scored], extracted: Sequence[Extracted]) -> None:
    """Print all tables."""
    by_system = _by_system(pairs)
    kinds = [kind for kind in KINDS if any(pair.kind == kind for pair in pairs)]
    _print_summary(kinds, rows, by_system, extracted)
    for kind in kinds:
        _print_groups(kind, rows, by_system)
    _print_worst(by_system)
    for kind in kinds:
        _print_edits(kind, rows, by_system)


def _print_summary(
    kinds: Sequence[str],
    rows: Sequence[Row],
    by_system: dict[str, list[Scored]],
    extracted: Sequence[Extracted],
) -> None:
    lines = []
    for row in rows:
        pairs = by_system[row.system]
        strata = {
            stratum: [pair for pair in pairs if pair.stratum == stratum]
            for stratum in (RIGHT, OTHER, SAME_SITE)
        }
        found = [
            _percent(mean_found([pair for pair in strata[RIGHT] if pair.kind == kind], row.rule))
            for kind in kinds
        ]
        wrong = [
            f"{accepted(strata[stratum], row.rule):,} of {len(strata[stratum]):,}"
            for stratum in (OTHER, SAME_SITE)
        ]
        describing = median(each.seconds for each in extracted if each.system == row.system)
        costs = [
            f"{1000 * describing:.0f}",
            *(f"{1000 * median(pair.seconds for pair in strata[stratum]):.2g}" for stratum in (RIGHT, OTHER)),
        ]
        lines.append(
            (
                row.system,
                f"{row.way}: {row.words}" if row.system != OURS else row.words,
                *found,
                *wrong,
                *costs,
            )
        )
    columns = (
        *(f"{kind}: mean share found, %" for kind in kinds),
        "accepted of unrelated pictures",
        "of other pages of the site",
    )
    report.table(("system", "accepts", *columns, "CPU, ms: features", "right pair", "wrong pair"), lines)


def _print_groups(kind: str, rows: Sequence[Row], by_system: dict[str, list[Scored]]) -> None:
    lines = []
    for row in rows:
        pairs = [pair for pair in by_system[row.system] if pair.kind == kind]
        right = [pair for pair in pairs if pair.stratum == RIGHT]
        found = [_percent(mean_found(right, row.rule, edits)) for edits in GROUPS.values()]
        wrong = [pair for pair in pairs if pair.stratum == OTHER]
        lines.append(
            (
                f"{row.system}, {row.way}",
                *found,
                f"**{_percent(mean_found(right, row.rule))}**",
                f"{accepted(wrong, row.rule)} of {len(wrong):,}",
            )
        )
    report.table(
        (f"{kind}: share found, %", *GROUPS, "mean of all edits", "accepted of unrelated pictures"), lines
    )


def _print_edits(kind: str, rows: Sequence[Row], by_system: dict[str, list[Scored]]) -> None:
    right = {
        name: [pair for pair in pairs if pair.kind == kind and pair.stratum == RIGHT]
        for name, pairs in by_system.items()
    }
    shares = [found_by_edit(right[row.system], row.rule) for row in rows]
    counted = [pair.edit for pair in right[OURS]]
    edits = [edit for group in GROUPS.values() for edit in group if edit in counted]
    lines = [(edit, counted.count(edit), *(_percent(share[edit]) for share in shares)) for edit in edits]
    report.table((f"{kind}: edit", "pairs", *(f"{row.system}, {row.way}" for row in rows)), lines)


def _print_worst(by_system: dict[str, list[Scored]]) -> None:
    """Print the unrelated pair that each system scores highest: it determines the limit at no false match, so
    a person should look at it.
    """
    lines = []
    for system, pairs in by_system.items():
        worst = max((pair for pair in pairs if pair.stratum == OTHER), key=lambda pair: pair.scores)
        lines.append(
            (
                system,
                f"{worst.query}, {worst.edit}",
                worst.reference,
                ", ".join(f"{score:.2f}" for score in worst.scores),
            )
        )
    report.table(("system", "unrelated pair with the highest score: query", "reference", "scores"), lines)


def _by_system(pairs: Sequence[Scored]) -> dict[str, list[Scored]]:
    grouped: dict[str, list[Scored]] = defaultdict(list)
    for pair in pairs:
        grouped[pair.system].append(pair)
    return dict(grouped)


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{100 * share:.1f}"
