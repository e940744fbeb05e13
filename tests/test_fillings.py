"""The stratum "fillings" of `quaid evaluate`: templates that are filled in from seeds, what is asked about
them, and what is counted.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support.command_line import runner
from support.pictures import page

from douglas_quaid.cli.main import main
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.evaluation import edits, filling_questions, rendering, run, strata
from douglas_quaid.evaluation.confidence import Share
from douglas_quaid.evaluation.filling_metrics import AnsweredQuestion, FillingRow, filling_metrics
from douglas_quaid.evaluation.filling_questions import Changed, FillingQuestion, changes, kinds, prepare
from douglas_quaid.evaluation.fillings import Template, filled, refilled
from douglas_quaid.evaluation.results import NOT_A_CANDIDATE, QueryOutcome, read_outcomes, read_pairs
from douglas_quaid.evaluation.sources import pairs_of_runs
from douglas_quaid.evaluation.split import Subset
from douglas_quaid.evaluation.thresholds import best_candidates
from douglas_quaid.records import Decision, Difference, Evidence, Relation, Verdict

DRAWN = tuple(template for template in kinds(Subset.ALL) if isinstance(template, Template))
BY_KIND = {template.kind: template for template in DRAWN}


# -- templates -----------------------------------------------------------------------------------------------


def test_no_kind_is_both_fitted_to_and_reported() -> None:
    fit, report = ({template.kind for template in kinds(part)} for part in (Subset.FIT, Subset.REPORT))
    assert not fit & report
    assert len(kinds(Subset.ALL)) == len(fit) + len(report)
    assert len(fit) >= 14


def test_without_a_browser_the_rendered_kinds_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling_questions, "browser", lambda: None)
    assert kinds(Subset.ALL) and all(isinstance(template, Template) for template in kinds(Subset.ALL))


@pytest.mark.parametrize("template", DRAWN, ids=lambda template: template.kind)
def test_a_drawn_filling_differs_where_its_values_stand_and_nowhere_else(template: Template) -> None:
    # Given a filling, and another one in which all values were replaced
    first = filled(template, 1)
    other, boxes = refilled(first, len(template.values), 1)
    # then their pixels differ,
    differing = (np.asarray(first.picture) != np.asarray(other.picture)).any(axis=2)
    assert differing.any()
    # each in the box of a value, and in no place outside of them.
    for left, top, right, bottom in boxes:
        assert differing[top:bottom, left:right].any()
        differing[top:bottom, left:right] = False
    assert not differing.any()


def test_equal_seeds_give_equal_pixels_and_others_do_not() -> None:
    one, again, other = (filled(BY_KIND["ticket"], number).picture for number in (1, 1, 2))
    assert one.tobytes() == again.tobytes() != other.tobytes()


@pytest.mark.skipif(rendering.browser() is None, reason="Chromium is not installed")
def test_a_rendered_filling_differs_where_its_values_stand() -> None:
    # Given a rendered page, and the same with one other value
    (template,) = (each for each in kinds(Subset.REPORT) if each.kind == "rail-ticket")
    assert isinstance(template, rendering.RenderedTemplate)
    values = ("12",) * len(template.values)
    one, other = rendering.rendered(template, [values, (*values[:4], "77", *values[5:])])
    # then their pixels differ in the box of this value and nowhere else.
    differing = (np.asarray(one.picture) != np.asarray(other.picture)).any(axis=2)
    left, top, right, bottom = one.boxes[4]
    assert differing[top:bottom, left:right].any()
    differing[top:bottom, left:right] = False
    assert not differing.any()


# -- questions -----------------------------------------------------------------------------------------------


def test_each_change_replaces_another_number_of_values() -> None:
    for template in DRAWN:
        numbers = list(changes(template).values())
        assert len(set(numbers)) == len(numbers)
        assert changes(template)[Changed.ALL] == len(template.values)


def test_a_question_names_the_values_that_were_replaced(tmp_path: Path) -> None:
    # Given questions about a template
    prepared = prepare(BY_KIND["certificate"], 0, 2, 1, tmp_path)
    assert {question.changed for question in prepared.questions} == set(Changed)
    for question in prepared.questions:
        # when the picture is laid over the filling that it was made from
        known, asked = (
            np.asarray(edits.opened(tmp_path / file)) for file in (question.reference, question.query)
        )
        differing = (known != asked).any(axis=2)
        # then every pixel that differs lies at a replaced value, as far as the edit left it.
        if not question.edit.startswith("crop"):
            for left, top, right, bottom in question.places:
                differing[top:bottom, left:right] = False
            assert not differing.any()


def test_the_same_seed_asks_the_same_and_another_one_other_pictures(tmp_path: Path) -> None:
    one, again, other = (
        prepare(BY_KIND["ticket"], 0, 2, seed, tmp_path / name)
        for seed, name in ((1, "one"), (1, "again"), (2, "other"))
    )
    assert one.questions == again.questions
    assert not {item.file for item in one.known} & {item.file for item in other.known}
    for item, same in zip((*one.known, *one.others), (*again.known, *again.others), strict=True):
        assert item.path.read_bytes() == same.path.read_bytes()


def test_a_value_that_a_crop_removes_is_not_asked_for() -> None:
    # Given a crop to 0.9, and boxes at two opposite corners
    check = filling_questions._is_left((400, 400), "crop_90", "seed")
    corners = [check((0, 0, 20, 20)), check((380, 380, 400, 400))]
    # then at most one of them is left, and what stands in the middle is.
    assert not all(corners)
    assert check((150, 150, 250, 250))


# -- what is counted -----------------------------------------------------------------------------------------


def _answered(changed: Changed, decision: Decision, *boxes: tuple[float, ...]) -> AnsweredQuestion:
    differences = tuple(Difference((x0, y0, x1, y1), 0.1) for x0, y0, x1, y1 in boxes)
    question = FillingQuestion(
        "form", "q", "", "r", changed, (100, 100), ((10, 10, 30, 20), (60, 60, 80, 70)), ()
    )
    outcome = QueryOutcome(
        "q", "", strata.FILLINGS, (), None, 1, decision, None, None, 0.0, False, False, 0, 0.1
    )
    relation = None if decision is not Decision.NO_MATCH else Relation.SAME_TEMPLATE
    verdict = Verdict(decision, relation, 0.5, Evidence(differences=differences), "c", "")
    return AnsweredQuestion(question, outcome, verdict)


def test_a_box_hits_the_value_that_it_touches_and_its_area_counts_with_a_margin() -> None:
    # Given two replaced values, and a box on one of them, and one that lies half on nothing
    row = FillingRow.of(
        [_answered(Changed.THREE, Decision.NO_MATCH, (0.1, 0.1, 0.3, 0.2), (0.0, 0.8, 0.2, 0.9))]
    )
    # then one of the two values is hit, and half of the area lies on changes.
    assert (row.values_hit, row.area) == (Share(1, 2), Share(200, 400))
    assert (row.same_template, row.match, row.with_box) == (Share(1, 1), Share(0, 1), Share(1, 1))


def test_a_share_has_a_wilson_interval() -> None:
    low, high = Share(0, 100).interval or (1.0, 0.0)
    assert low == 0 and high == pytest.approx(0.0370, abs=1e-4)
    assert Share(0, 0).interval is None


def test_an_evaluation_reports_on_fillings(
    tmp_path: Path, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a data set of one page, and two templates
    (tmp_path / "page.png").write_bytes(edits.png(page(1, 640, 400)))
    (tmp_path / "groups.jsonl").write_text(json.dumps({"file": "page.png", "set": "s", "group": "g"}))
    chosen = (BY_KIND["invoice"], BY_KIND["certificate"])
    monkeypatch.setattr(run, "kinds", lambda _: chosen)
    monkeypatch.setattr(run, "kinds_of", lambda _: (*chosen, BY_KIND["ticket"]))
    out = tmp_path / "out"
    arguments = ["--edits", "jpeg_30", "--screenshots", "0", "--photos", "0", "--unanswered", "0"]
    arguments += ["--clones", "0", "--processes", "1", "--fillings", "1", "--json"]
    # when it is evaluated
    command = ["evaluate", str(tmp_path), "--store", store_url, "--out", str(out), *arguments]
    result = runner().invoke(main, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    # then the report has the rows of the stratum, and so has the line of totals;
    report = (out / "report.md").read_text()
    for row in (
        "half or all values changed: pairs that are a `match`",
        "1 value changed: values that a box hits",
        "3 values changed: area of boxes on changes",
        "same filling, light edit: queries that find it",
        "known fillings that share a cluster with another",
    ):
        assert f"| {row} |" in report
    assert "| invoice | half of the values | 1 |" in report
    totals = json.loads(result.stdout)["fillings"]
    assert totals["same filling, light edit: queries that find it"]["share"] == 1.0
    assert totals["half or all values changed: pairs that are a match"]["part"] == 0
    # pairs are labelled, so that a calibration can be fitted to them;
    pairs = [pair for pair in read_pairs(out / "pairs.jsonl") if pair.stratum == strata.FILLINGS]
    assert {pair.label for pair in pairs if pair.query == pair.reference} == {True}
    assert {pair.label for pair in pairs if pair.query != pair.reference} == {False}
    assert any(pair.place == NOT_A_CANDIDATE for pair in pairs)
    assert len(pairs_of_runs([out]).pairs) == len(list(read_pairs(out / "pairs.jsonl")))
    # a query with other values counts in no rate of wrong matches, as one for a page of a known site;
    best = {query.query: query.answered for query in best_candidates(pairs, shipped())}
    assert {answered for file, answered in best.items() if "-all-" in file} == {None}
    assert {outcome.stratum for outcome in read_outcomes(out / "answers.jsonl")} == {strata.FILLINGS}
    metrics = filling_metrics(out)
    assert metrics is not None and metrics.shared(Changed.NONE) == Share(0, 8)
    assert "Left out, because no Chromium is installed to render them: ticket." in report
    # and the store has no fillings any more.
    stats = runner().invoke(main, ["stats", "--store", store_url, "--json"], catch_exceptions=False)
    assert json.loads(stats.stdout)["images"] == 1
