"""What `quaid calibrate` tells: the thresholds, what they are expected to do and by what reasoning, and what
they gave on the pictures at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..decision.calibration import Calibration
from ..decision.redecide import Redecided
from .recalibration import HeldOut
from .thresholds import HIGHEST, QueryBest, TargetRates, ThresholdChoice, count, rule_of_three

#: Wrong matches that are listed. chosen: as many as a person looks at.
SHOWN = 10


def shown(calibration: Calibration, *, source: str) -> str:
    """One calibration for people. `source`: where it comes from."""
    origin, thresholds = calibration.provenance, calibration.thresholds
    lines = [
        f"calibration {calibration.id} ({source})",
        f"  match from {percent(thresholds.match)}, review from {percent(thresholds.review)}",
        f"  {origin.note}",
    ]
    lines += (
        [f"  made {origin.date} by {origin.commit}, part {origin.part or 'all'}, seed {origin.seed}"]
        if origin.date
        else []
    )
    lines += [f"  data: {name}, sha256 {digest[:16]}" for name, digest in origin.data]
    lines += [
        f"  {stratum}: {same:,} pairs of the same picture, {different:,} of others, {unknown:,} unknown"
        for stratum, same, different, unknown in origin.counts
    ]
    for model in calibration.models:
        needs = " and ".join(model.needs) or "nothing else"
        lines += [
            f"  where {needs} was measured: weights (natural logarithms) before any evidence {model.prior:.2f}"
        ]
        lines += [
            f"    {term.predictor:<12}"
            + " ".join(f"{x:g}:{y:.2f}" for x, y in term.points)
            + f" absent:{term.absent:.2f}"
            for term in model.terms
        ]
    return "\n".join(lines)


def report(
    calibration: Calibration,
    choice: ThresholdChoice,
    best: Sequence[QueryBest],
    *,
    wanted: TargetRates,
    base: Calibration | None,
    held: HeldOut | None,
) -> str:
    """Markdown. `base`: whose curves and tails were kept; None where they were fitted."""
    found = count(best, match=choice.match, review=choice.review)
    tail = (base or calibration).tails.unanswered
    asked = found.answered + found.unanswered
    lines = [
        f"# Calibration {calibration.id}",
        "",
        f"Match from a confidence of {percent(choice.match)}, review from {percent(choice.review)}.",
        "",
        f"## Expected, at {choice.images:,} images",
        "",
        f"- false matches: {choice.false_matches:.3g} in a million queries without an answer (asked for: at most {wanted.false_matches:g})"
        + (", an estimate beyond what was counted" if choice.estimated else ", counted"),
        f"- queries in review: {percent(choice.reviews)} (asked for: at most {percent(wanted.reviews)}), four in five queries without an answer",
        f"- how: {tail.queries:,} queries without an answer among {tail.images:,} images"
        + (f", those of calibration {base.id}," if base else "")
        + f" show how often the best candidate comes how high; beyond {tail.points[-1][0]:.1f} in log odds the share is taken to fall by the factor e "
        f"with each {tail.scale:.2f}, and to grow in proportion to the images",
    ]
    if found.unanswered:
        bound = rule_of_three(len(found.wrong), found.unanswered)
        lines += [
            "",
            "## Counted on these pictures"
            + ("" if base else " (to which the curves were fitted: see a held-out part for honest numbers)"),
            "",
            f"- {asked:,} queries, {found.answered:,} with an answer and {found.unanswered:,} without",
            f"- with an answer: {percent(found.matched / max(1, found.answered))} match, {percent(found.reviews_answered / max(1, found.answered))} in review",
            f"- queries with a wrong match: {len(found.wrong)}; so at most {1e6 * bound:,.0f} in a million at 95 %"
            + (" (rule of three: 3 / queries)" if not found.wrong else ""),
            f"- in review without an answer: {percent(found.reviews_unanswered / found.unanswered)}; "
            f"of all, four in five without an answer: {percent(found.reviews)}",
        ]
        if 1e6 * bound > wanted.false_matches:
            lines += [
                "- so few queries cannot show the rate that was asked for; that it holds rests on the tail named above"
            ]
        if choice.match >= 1 - 1e-8 or (base and found.wrong):
            lines += ["- these pictures hold wrong pairs that no threshold tells apart: see below"]
    worst = sorted((one for one in best if one.wrong > -HIGHEST), key=lambda one: -one.wrong)[:SHOWN]
    if worst:
        lines += [
            "",
            "## The surest wrong candidates: do they show the same picture after all? Then label them so",
            "",
        ]
        lines += [
            f"- {one.query}{' after ' + one.edit if one.edit else ''} and {one.wrong_reference}: log odds {one.wrong:.1f}"
            for one in worst
        ]
    if held is not None:
        lines += [
            "",
            "## On the part held out",
            "",
            f"- calibration error over {held.pairs:,} verified pairs: {held.error:.4f} (15 bins); of those with a map alone: {held.error_mapped:.4f}",
            f"- confidence of 0.99 and more is right in {percent(held.sure_right)} of {held.sure:,}",
            f"- {held.counted.answered:,} queries with an answer: {percent(held.counted.matched / max(1, held.counted.answered))} match; "
            f"{held.counted.unanswered:,} without: {len(held.counted.wrong)} wrong matches in all",
            f"- queries in review, four in five without an answer: {percent(held.counted.reviews)}",
        ]
    return "\n".join(lines) + "\n"


def changes(done: Redecided) -> str:
    """What deciding anew did, as lines."""
    lines = [f"{done.images:,} images looked at, {done.renewed:,} stored pairs decided anew"]
    lines += [f"  {before.value} -> {after.value}: {pairs:,}" for (before, after), pairs in done.changes]
    return "\n".join(
        [*lines, f"  pairs that join a cluster now: {done.joined:,}, no longer: {done.parted:,}"]
    )


def changes_json(done: Redecided) -> dict[str, Any]:
    return {
        "images": done.images,
        "renewed": done.renewed,
        "changes": [
            {"before": before.value, "after": after.value, "pairs": pairs}
            for (before, after), pairs in done.changes
        ],
        "joined": done.joined,
        "parted": done.parted,
    }


def choice_json(
    calibration: Calibration, choice: ThresholdChoice, best: Sequence[QueryBest], held: HeldOut | None
) -> dict[str, Any]:
    found = count(best, match=choice.match, review=choice.review)
    line: dict[str, Any] = {
        "calibration": calibration.id,
        "match": choice.match,
        "review": choice.review,
        "images": choice.images,
        "expected": {
            "false_matches_per_million": choice.false_matches,
            "reviews": choice.reviews,
            "estimated": choice.estimated,
        },
        "counted": {
            "answered": found.answered,
            "unanswered": found.unanswered,
            "matched": found.matched,
            "wrong": len(found.wrong),
            "reviews_answered": found.reviews_answered,
            "reviews_unanswered": found.reviews_unanswered,
        },
    }
    if held is not None:
        line["held_out"] = {
            "pairs": held.pairs,
            "error": held.error,
            "error_mapped": held.error_mapped,
            "sure": held.sure,
            "sure_right": held.sure_right,
        }
    return line


def percent(share: float) -> str:
    """With as many digits as tell it from 0 and 1: 99.98 %."""
    per_cent = 100 * share
    digits = next(
        (n for n in range(1, 8) if round(per_cent, n) not in (0.0, 100.0) or share in (0.0, 1.0)), 8
    )
    return f"{per_cent:.{digits}f} %"
