"""A calibration is fitted to labelled pairs and monotone whatever they say; thresholds keep the rates that an
operator names.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import pairwise
from math import exp, inf, log
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from support.command_line import runner
from support.pictures import page, png
from support.records import write_records

from douglas_quaid import ConfigError, Engine
from douglas_quaid.cli.main import main
from douglas_quaid.decision import calibration_file as calibrations
from douglas_quaid.decision.calibration import Provenance
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.decision.predictors import PREDICTOR_BY_NAME, PREDICTORS
from douglas_quaid.errors import UnknownVersion
from douglas_quaid.evaluation import edits, fit, recalibration
from douglas_quaid.evaluation.results import LabelledPair
from douglas_quaid.evaluation.thresholds import (
    QueryBest,
    TargetRates,
    best_candidates,
    choose_thresholds,
    count_outcomes,
    measure_tails,
    share_beyond,
    upper_bound_95,
)
from douglas_quaid.records import Configuration, Decision, Evidence, Verdict

IDENTITY = (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)
SHIPPED = calibrations.write(shipped())


def evidence(
    *,
    agreement: float = 0.5,
    inliers: int = 50,
    bits: int = 90,
    explained: float = 0.3,
    blocks: int = 100,
    mapped: bool = True,
) -> Evidence:
    content = dict.fromkeys(
        (
            "content_agreement",
            "agreement_of_emptier",
            "agreement_both_textured",
            "agreement_outside_rectangle",
            "block_correlation",
        ),
        agreement,
    )
    return Evidence(
        same_bytes=False,
        same_pixels=False,
        pdq_bits=bits,
        orientation=0,
        inliers=inliers,
        explained=explained,
        covered_query=1.0,
        covered_reference=1.0,
        blocks_compared=blocks,
        configuration=Configuration.AFFINE,
        matrix=IDENTITY if mapped else None,
        **content,
    )


def pair(
    found: Evidence,
    label: bool | None,
    *,
    query: str = "q",
    place: int = 0,
    edit: str = "",
    stratum: str = "screenshots",
) -> LabelledPair:
    return LabelledPair(
        query, edit, stratum, "r", label, Verdict(Decision.NO_MATCH, None, 0.0, found, "test", ""), place
    )


def truth(found: Evidence) -> float:
    """Log odds of the generating model."""
    return (
        -6
        + 8 * (found.content_agreement or 0)
        + 3 * min(1, log(max(4, found.inliers or 4) / 4) / log(40))
        - 0.02 * (found.pdq_bits or 0)
    )


def drawn(count: int, seed: int) -> list[LabelledPair]:
    """Pairs whose labels are drawn from the model, each a query of its own."""
    rng = random.Random(seed)
    made = []
    for n in range(count):
        found = evidence(
            agreement=rng.random(),
            inliers=rng.randint(4, 200),
            bits=rng.randint(0, 128),
            explained=rng.random(),
        )
        made.append(pair(found, rng.random() < 1 / (1 + exp(-truth(found))), query=f"q{n}"))
    return made


# -- the fit -------------------------------------------------------------------------------------------------


def test_a_fit_finds_the_curves_that_the_labels_were_drawn_from() -> None:
    # Given labels that were drawn from known curves, met in use as they were drawn
    fitted = fit.fit_curves(drawn(6_000, 1), shipped(), weigh=lambda groups: np.ones(sum(map(len, groups))))
    # Then other pairs get the odds that they have, and the confidences are right as often as they say
    fresh = drawn(2_000, 2)
    far = [abs(fitted.log_odds(one.verdict.evidence) - truth(one.verdict.evidence)) for one in fresh]
    assert np.median(far) < 0.35 and np.quantile(far, 0.95) < 1
    held = recalibration.measure_held_out(fresh, fitted)
    assert held.error < 0.03
    # And what the labels do not hang on has next to no weight
    (explained,) = (term for term in fitted.models[0].terms if term.predictor == "explained")
    assert explained.points[-1][1] - explained.points[0][1] < 0.4


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_whatever_the_labels_say_better_evidence_is_never_worse(seed: int) -> None:
    # Given labels of pure chance, and some that say the opposite of sense
    rng = random.Random(seed)
    values = np.array(
        [[rng.uniform(-0.2, 1.2) * predictor.knots[-1] for predictor in PREDICTORS] for _ in range(300)]
    )
    labels = np.array(
        [rng.random() < 0.5 if n % 2 else values[n, 1] < PREDICTORS[1].knots[2] for n in range(300)]
    )
    design = np.hstack(
        [np.ones((300, 1)), *(fit._ramps(predictor, values[:, n]) for n, predictor in enumerate(PREDICTORS))]
    )
    # When they are fitted
    chosen = fit.regress(design, labels, np.ones(300))
    # Then every curve goes one way
    for predictor, curve in zip(PREDICTORS, fit._curves(PREDICTORS, chosen[1:]), strict=True):
        steps = np.diff(curve)
        assert (steps >= 0).all() if predictor.rises else (steps <= 0).all()


def test_the_fit_is_where_no_step_makes_it_better() -> None:
    # Given a random problem, then at the answer the slope is 0 where a weight is free, and not below 0 where
    # it is held at 0
    rng = np.random.default_rng(3)
    design = np.hstack([np.ones((500, 1)), rng.random((500, 6))])
    labels, share = rng.random(500) < 0.3, rng.random(500) + 0.5
    at = fit.regress(design, labels, share)
    ridge = np.r_[0.0, np.full(6, fit.RIDGE)]
    slope = design.T @ (share * (1 / (1 + np.exp(-design @ at)) - labels)) + ridge * at
    assert abs(slope[(at > 0) | (np.arange(7) == 0)]).max() < 1e-3
    assert (slope[1:][at[1:] == 0] > -1e-3).all()


def test_four_queries_in_five_have_no_answer_and_edits_count_alike() -> None:
    # Given ten queries with an answer, nine after one edit and one after another, two candidates each, and a
    # query without
    groups = [
        [
            pair(evidence(), True, query=f"a{n}", edit="crop" if n else "bar"),
            pair(evidence(), False, query=f"a{n}", edit="crop" if n else "bar", place=1),
        ]
        for n in range(10)
    ]
    groups.append([pair(evidence(), False, query="b")])
    share = fit.pair_weights(groups)
    assert len(share) == 21 and share.mean() == pytest.approx(1)
    per_query = share[[0, 2, 20]]
    assert per_query[2] / (share[:20:2].sum() + per_query[2]) == pytest.approx(0.8)
    assert per_query[0] == pytest.approx(9 * per_query[1])


def test_too_few_labels_are_refused_with_what_can_be_done() -> None:
    for pairs in ([], drawn(900, 1), [pair(evidence(), False, query=str(n)) for n in range(2_000)]):
        with pytest.raises(ConfigError, match=r"too few for a fit.*--false-matches-per-million"):
            fit.fit_curves(pairs, shipped())


# -- thresholds ----------------------------------------------------------------------------------------------


def queries(count: int, seed: int) -> list[QueryBest]:
    """Half with an answer; of those without, the best candidate comes as high as an exponential law says."""
    rng = random.Random(seed)
    without = [
        (odds := rng.expovariate(0.8) - 6, odds if rng.random() < 0.5 else -inf) for _ in range(count // 2)
    ]
    answered = [rng.gauss(9, 4) for _ in range(count // 2)]
    made = [
        QueryBest("q", "", False, refutable, max(odds, refutable), refutable, "r")
        for odds, refutable in without
    ]
    return made + [QueryBest("q", "", True, odds, odds, -inf, "") for odds in answered]


@pytest.mark.parametrize("rate", [3000.0, 300.0])
@pytest.mark.parametrize("reviews", [0.05, 0.01])
def test_thresholds_keep_both_rates_on_queries_never_seen(rate: float, reviews: float) -> None:
    choice = choose_thresholds(
        measure_tails(queries(8_000, 1), images=1_000), TargetRates(1_000, rate, reviews)
    )
    fresh = queries(200_000, 2)
    found = count_outcomes(fresh, match=choice.match, review=choice.review)
    assert len(found.wrong) / found.unanswered <= 1.25 * rate / 1e6
    assert found.reviews <= 1.25 * reviews
    assert choice.false_matches <= rate and choice.reviews <= reviews


@settings(deadline=None, max_examples=50)
@given(st.floats(0.1, 1e4), st.floats(1.0, 50.0), st.integers(1_000, 10**7), st.integers(1, 100))
def test_a_stricter_rate_or_a_larger_index_never_lowers_the_threshold(
    rate: float, less: float, images: int, times: int
) -> None:
    known = shipped().tails
    loose, strict = (
        choose_thresholds(known, TargetRates(images, each, 0.02)).match for each in (rate, rate / less)
    )
    assert strict >= loose
    assert choose_thresholds(known, TargetRates(images * times, rate, 0.02)).match >= loose


def test_ones_own_wrong_pictures_make_the_threshold_stricter_and_never_laxer() -> None:
    known = measure_tails(queries(8_000, 1), images=1_000)
    plain = choose_thresholds(known, TargetRates(1_000, 1000, 0.02))
    own = measure_tails(queries(60, 3), images=0, min_beyond=5)
    assert choose_thresholds(known, TargetRates(1_000, 1000, 0.02), own=own).match >= plain.match
    worst = choose_thresholds(known, TargetRates(1_000, 1000, 0.02), own=own, worst=12.0)
    assert log(worst.match / (1 - worst.match)) > 12.0


def test_rates_that_are_none_and_queries_of_one_kind_are_refused() -> None:
    for rates in ((0, 0.1), (-1, 0.1), (1e7, 0.1), (1, 0), (1, 1.5)):
        with pytest.raises(ConfigError, match="expected"):
            TargetRates(1_000, *rates)
    with pytest.raises(ConfigError, match="with an answer and without one"):
        measure_tails([best for best in queries(100, 1) if best.answered], images=1)


def test_a_bound_on_what_was_not_seen() -> None:
    assert upper_bound_95(0, 300) == pytest.approx(0.01, rel=0.01)
    assert upper_bound_95(1, 300) > 4.7 / 300 and upper_bound_95(0, 0) == 1.0


def test_a_tail_falls_all_the_way() -> None:
    tail = measure_tails(queries(2_000, 5), images=1).unanswered
    shares = [share_beyond(tail, odds) for odds in np.arange(-9, 25, 0.1)]
    assert all(left >= right > 0 for left, right in pairwise(shares))


def test_the_best_candidate_of_each_query_counts_and_what_was_no_candidate_does_not() -> None:
    weak, strong = evidence(agreement=0.1), evidence(agreement=0.9)
    blind = replace(
        strong,
        content_agreement=None,
        agreement_of_emptier=None,
        agreement_both_textured=None,
        agreement_outside_rectangle=None,
        block_correlation=None,
        blocks_compared=None,
    )
    found = best_candidates(
        [
            pair(weak, False, query="a"),
            pair(strong, True, query="a", place=1),
            pair(blind, False, query="b"),
            pair(evidence(mapped=False), False, query="b", place=1),
            pair(strong, False, query="b", place=-1),
            pair(strong, None, query="b", edit="crop"),
        ],
        shipped(),
    )
    assert [(one.query, one.edit, one.answered) for one in found] == [
        ("a", "", True),
        ("b", "", False),
        ("b", "crop", None),
    ]
    assert found[0].refutable == found[0].any == shipped().log_odds(strong) and found[
        0
    ].wrong == shipped().log_odds(weak)
    assert found[1].refutable == -inf and found[1].any == shipped().log_odds(blind)


# -- the file ------------------------------------------------------------------------------------------------


def test_a_file_gives_back_what_was_written_and_its_id_says_what_is_in_it() -> None:
    made = replace(
        shipped(),
        name="own",
        provenance=Provenance(
            "Ünïcode", (("set", "ab" * 32),), "2026-11-22", "abc", "fit", 3, (("tall pages", 1, 2, 3),)
        ),
    )
    read = calibrations.parse(calibrations.write(made))
    assert read == made and read.id == made.id and read.id.startswith("own-")
    assert replace(made, without_transform=made.without_transform + 1e-4).id != made.id
    assert calibrations.parse(SHIPPED) == shipped()


def changed(**change: object) -> str:
    return json.dumps(json.loads(SHIPPED) | change)


def with_terms(*terms: object) -> str:
    return changed(models=[{"needs": [], "prior": 0, "terms": terms}])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "calibration file"),
        ("[]", "not a JSON object"),
        ("NaN", "calibration file"),
        (with_terms({"predictor": "colour", "absent": 0, "points": [[0, 0]]}), "'colour' is not a predictor"),
        (with_terms({"predictor": "inliers", "absent": 0, "points": [[3, 0], [2, 0]]}), "rising values"),
        (with_terms({"predictor": "inliers", "absent": 0, "points": [[2, 1], [3, 0]]}), "must rise"),
        (with_terms({"predictor": "pdq_bits", "absent": 0, "points": [[2, 0], [3, 1]]}), "must fall"),
        (with_terms(*[{"predictor": "inliers", "absent": 0, "points": [[2, 1]]}] * 2), "same predictor"),
        (changed(models=[]), "last model"),
        (
            changed(
                models=[
                    {"needs": ["colour"], "prior": 0, "terms": []},
                    {"needs": [], "prior": 0, "terms": []},
                ]
            ),
            "not a family",
        ),
        (changed(thresholds={}), "unknown or missing"),
        (changed(without_transform=True), "not a number"),
        (changed(without_transform=10**400), "calibration file"),
        (SHIPPED.replace('"prior": ', '"prior": NaN, "was": ', 1), "not a number"),
        (" " * (calibrations.MAXIMUM_BYTES + 1), "the limit is"),
    ],
)
def test_a_broken_file_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        calibrations.parse(text)


def test_a_file_of_another_format_is_refused_by_number() -> None:
    with pytest.raises(UnknownVersion, match="not of format 4"):
        calibrations.parse(changed(format=5))


@given(st.sampled_from(PREDICTORS), st.floats(-1e3, 1e3), st.floats(0, 1e3))
def test_the_shipped_curves_are_monotone_for_all_values(predictor, value: float, more: float) -> None:
    for term in (term for model in shipped().models for term in model.terms):
        if PREDICTOR_BY_NAME[term.predictor] is predictor:
            low, high = term.weight(value), term.weight(value + more)
            assert high >= low if predictor.rises else high <= low


# -- the command ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pairs_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    write_records(path, drawn(1_500, 7))
    path.with_name("run.json").write_text(
        '{"source": "/some/where/pages", "part": "fit", "seed": 5, "commit": "abc", "indexed": 4000}'
    )
    return path


def quaid(*arguments: object, status: int = 0) -> str:
    done = runner().invoke(main, ["calibrate", *map(str, arguments)])
    assert done.exit_code == status, (done.stdout, done.stderr, done.exception)
    return done.stdout if not status or "--json" in arguments else done.stderr


def test_pairs_become_a_file_with_its_provenance(pairs_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "made.json"
    told = quaid(pairs_file, "--check", pairs_file.parent, "--out", out, "--name", "mine")
    made = calibrations.parse(out.read_text())
    assert made.id.startswith("mine-") and made.id in told
    origin = made.provenance
    assert (origin.part, origin.seed, origin.commit, made.tails.unanswered.images) == ("fit", 5, "abc", 4000)
    assert origin.data[0][0] == "pages" and len(origin.data[0][1]) == 64
    assert sum(origin.counts[0][1:]) == 1_500
    assert "rule of three" in told or "at 95 %" in told
    assert "On the part held out" in told and "calibration error" in told


def test_rates_keep_the_curves_and_move_the_thresholds(pairs_file: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.jsonl"
    few.write_text("".join(pairs_file.read_text().splitlines(keepends=True)[:120]))
    out = tmp_path / "own.json"
    line = json.loads(
        quaid(
            few,
            "--false-matches-per-million",
            50,
            "--reviews",
            0.02,
            "--images",
            50_000,
            "--out",
            out,
            "--json",
        )
    )
    made = calibrations.parse(out.read_text())
    assert (
        made.models == shipped().models and made.tails == shipped().tails and made.id == line["calibration"]
    )
    assert (made.thresholds.match, made.thresholds.review) == (line["match"], line["review"])
    assert line["images"] == 50_000 and line["counted"]["answered"] + line["counted"]["unanswered"] == 120
    assert "estimate" in quaid(few, "--false-matches-per-million", 50, "--images", 50_000, "--out", out)
    with_fit = json.loads(quaid(few, "--fit", "--false-matches-per-million", 50, "--json", status=2))
    assert "too few for a fit" in with_fit["error"]["message"]


@pytest.mark.parametrize(
    "arguments", [(), ("--apply",), ("--show", "--reset"), ("nowhere.jsonl",), ("--reviews", "2")]
)
def test_what_cannot_be_done_is_refused(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = runner().invoke(main, ["calibrate", *arguments])
    assert done.exit_code in (1, 2) and not list(tmp_path.iterdir())


def test_a_calibration_is_applied_shown_and_taken_away(store_url: str, tmp_path: Path) -> None:
    # Given two pictures that match, linked with what is shipped
    original = page(3, 480, 320)
    with Engine.open(store_url) as engine:
        first = engine.add(png(original)).image_id
        engine.add(png(edits.edit("resize_50", original, 1)))
        assert [hit.decision for hit in engine.hits(first)] == [Decision.MATCH]
        # When a file with a stricter one is applied
        strict = replace(
            shipped(), name="strict", thresholds=replace(shipped().thresholds, match=1.0, review=0.5)
        )
        (tmp_path / "strict.json").write_text(calibrations.write(strict))
        line = json.loads(quaid(tmp_path / "strict.json", "--apply", "--store", store_url, "--json"))
        # Then the stored verdict followed, and all is told
        assert line["changes"] == [{"before": "match", "after": "review", "pairs": 1}] and line["parted"] == 1
        assert [hit.decision for hit in engine.hits(first)] == [Decision.REVIEW]
        assert (
            strict.id in (shown := quaid("--show", "--store", store_url)) and "chosen for this store" in shown
        )
        # and one that cannot be read can still be taken away
        engine._store.settings.keep_calibration("broken", "{}")
        assert "--reset" in quaid("--show", "--store", store_url, status=2)
        assert "review -> match: 1" in quaid("--reset", "--store", store_url)
        assert (
            json.loads(quaid("--show", "--store", store_url, "--json"))["source"]
            == "shipped with this version"
        )
        assert [hit.decision for hit in engine.hits(first)] == [Decision.MATCH]
        assert json.loads(quaid("--relink", "--store", store_url, "--json")) == {"linked_again": 2}


def test_a_folder_of_folders_is_edited_and_asked_for(tmp_path: Path) -> None:
    # Given five pictures, two of them of one group, and rates
    for n, name in enumerate(("a/1.png", "a/2.png", "b/1.png", "alone.png", "too.png")):
        path = tmp_path / "own" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(page(0 if name == "a/2.png" else n, 320, 240 + n)))
    # When they are calibrated with, then each was asked for after the edit, and as one without an answer
    line = json.loads(
        quaid(
            tmp_path / "own",
            "--reviews",
            0.02,
            "--edits",
            "resize_50",
            "--out",
            tmp_path / "own.json",
            "--json",
        )
    )
    assert line["counted"]["answered"] >= 4 and line["counted"]["unanswered"] >= 4
    assert calibrations.parse((tmp_path / "own.json").read_text()).provenance.data[0][0] == "own"
