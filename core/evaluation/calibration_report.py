"""The output of `quaid calibrate`: the thresholds, the rates expected of them and why, and the outcome on the
pictures at hand.
"""

from typing import Any

from ..decision.calibration import Calibration
from ..decision.redecide import Redecided
from .recalibration import HeldOut, NewCalibration
from .thresholds import HIGHEST, TargetRates, count_outcomes, upper_bound_95

#: Maximum number of wrong candidates in a report. chosen: as many as a person looks at.
MAX_WRONG = 10


def describe(calibration: Calibration, *, source: str) -> str:
    """Return a calibration as text for people. `source`: where it comes from."""
    origin, thresholds = calibration.provenance, calibration.thresholds
    lines = [
        f"calibration {calibration.id} ({source})",
        f"  match from {precise_percent(thresholds.match)}, review from {precise_percent(thresholds.review)}",
        f"  {origin.note}",
    ]
    if origin.date:
        lines += [f"  made {origin.date} by {origin.commit}, part {origin.part or 'all'}, seed {origin.seed}"]
    lines += [f"  data: {name}, sha256 {digest[:16]}" for name, digest in origin.data]
    lines += [
        f"  {stratum}: {same:,} pairs of the same picture, {different:,} of different pictures, "
        f"{unknown:,} unknown"
        for stratum, same, different, unknown in origin.counts
    ]
    for model in calibration.models:
        needs = " and ".join(model.needs) or "nothing else"
        lines += [f"  where {needs} was measured: weights (natural logarithms), prior {model.prior:.2f}"]
        lines += [
            f"    {term.predictor:<28}"
            + " ".join(f"{x:g}:{y:.2f}" for x, y in term.points)
            + f" absent:{term.absent:.2f}"
            for term in model.terms
        ]
    return "\n".join(lines)


def report(
    made: NewCalibration, *, rates: TargetRates, base: Calibration | None, held: HeldOut | None
) -> str:
    """Return the report of a new calibration as Markdown.

    `base`: the calibration whose curves and tails were kept; None where they were fitted. `held`: its quality
    on held-out pairs.
    """
    choice = made.choice
    lines = [
        f"# Calibration {made.calibration.id}",
        "",
        f"Match from a confidence of {precise_percent(choice.match)}, review from "
        f"{precise_percent(choice.review)}.",
        "",
        *_expected(made, rates, base),
        *_counted(made, rates, base),
        *_wrong_candidates(made),
        *([] if held is None else _held_out(held)),
    ]
    return "\n".join(lines) + "\n"


def _expected(made: NewCalibration, rates: TargetRates, base: Calibration | None) -> list[str]:
    choice, tail = made.choice, made.calibration.tails.unanswered
    return [
        f"## Expected, at {rates.images:,} images",
        "",
        f"- false matches: {choice.false_matches:.3g} in a million queries without an answer (requested: at "
        f"most {rates.false_matches:g}), "
        + ("an estimate beyond what was counted" if choice.estimated else "counted"),
        f"- queries in review: {precise_percent(choice.reviews)} (requested: at most "
        f"{precise_percent(rates.reviews)}), where four in five queries have no answer",
        f"- basis: the best candidates of {tail.queries:,} queries without an answer among {tail.images:,} "
        "images"
        + (f", from calibration {base.id}" if base else "")
        + f"; beyond log odds of {tail.points[-1][0]:.1f} the share of queries is assumed to fall by the "
        f"factor e with each {tail.scale:.2f}, and to grow in proportion to the images",
    ]


def _counted(made: NewCalibration, rates: TargetRates, base: Calibration | None) -> list[str]:
    choice = made.choice
    found = count_outcomes(made.best, match=choice.match, review=choice.review)
    if not found.unanswered:
        return []
    bound = 1e6 * upper_bound_95(len(found.wrong), found.unanswered)
    lines = [
        "",
        "## Counted on these pictures"
        + ("" if base else " (to which the curves were fitted: see a held-out part for honest numbers)"),
        "",
        f"- {found.answered + found.unanswered:,} queries, {found.answered:,} with an answer and "
        f"{found.unanswered:,} without",
        f"- with an answer: {_share(found.matched, found.answered)} match, "
        f"{_share(found.reviews_answered, found.answered)} in review",
        f"- queries with a wrong match: {len(found.wrong)}; so at most {bound:,.0f} in a million at 95 %"
        + ("" if found.wrong else " (rule of three: 3 / queries)"),
        f"- in review without an answer: {_share(found.reviews_unanswered, found.unanswered)}; of all, where "
        f"four in five have no answer: {precise_percent(found.reviews)}",
    ]
    if bound > rates.false_matches:
        lines += [
            "- so few queries cannot show the requested rate; that it holds rests on the basis named above"
        ]
    if choice.match >= 1 - 1e-8 or (base and found.wrong):
        lines += ["- these pictures contain wrong pairs that no threshold separates: see below"]
    return lines


def _wrong_candidates(made: NewCalibration) -> list[str]:
    wrong = sorted((best for best in made.best if best.wrong > -HIGHEST), key=lambda best: -best.wrong)
    if not wrong:
        return []
    return [
        "",
        "## The wrong candidates with the highest confidence",
        "",
        "If two of these show the same picture after all, correct their label.",
        "",
        *(
            f"- {best.query}{' after ' + best.edit if best.edit else ''} and {best.wrong_reference}: log "
            f"odds {best.wrong:.1f}"
            for best in wrong[:MAX_WRONG]
        ),
    ]


def _held_out(held: HeldOut) -> list[str]:
    counted = held.counted
    return [
        "",
        "## On the part held out",
        "",
        f"- calibration error over {held.pairs:,} verified pairs: {held.error:.4f} (15 bins); of those with "
        f"a transform: {held.error_mapped:.4f}",
        f"- confidence of 0.99 and more is correct for {precise_percent(held.sure_right)} of {held.sure:,} "
        "pairs",
        f"- {counted.answered:,} queries with an answer: {_share(counted.matched, counted.answered)} match; "
        f"{counted.unanswered:,} without; {len(counted.wrong)} queries with a wrong match in all",
        f"- queries in review, where four in five have no answer: {precise_percent(counted.reviews)}",
    ]


def changes(done: Redecided) -> str:
    """Return what deciding again changed, as lines of text."""
    return "\n".join(
        [
            f"{done.images:,} images visited, {done.renewed:,} stored pairs decided again",
            *(f"  {before.value} -> {after.value}: {pairs:,}" for (before, after), pairs in done.changes),
            f"  pairs that now join a cluster: {done.joined:,}, that no longer do: {done.parted:,}",
        ]
    )


def changes_json(done: Redecided) -> dict[str, Any]:
    """Return what deciding again changed, for programs."""
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


def new_calibration_json(made: NewCalibration, rates: TargetRates, held: HeldOut | None) -> dict[str, Any]:
    """Return the numbers of a new calibration for programs."""
    choice = made.choice
    found = count_outcomes(made.best, match=choice.match, review=choice.review)
    line: dict[str, Any] = {
        "calibration": made.calibration.id,
        "match": choice.match,
        "review": choice.review,
        "images": rates.images,
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


def _share(part: int, whole: int) -> str:
    return precise_percent(part / max(1, whole))


def precise_percent(share: float) -> str:
    """Return a share as per cent, with as many digits as distinguish it from 0 and 1: "99.98 %"."""
    per_cent = 100 * share
    digits = next(
        (n for n in range(1, 8) if round(per_cent, n) not in (0.0, 100.0) or share in (0.0, 1.0)), 8
    )
    return f"{per_cent:.{digits}f} %"
