"""`quaid evaluate` with a few drawn pictures and a real store: what it writes, how it is resumed, how it
refuses bad input.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from support.command_line import runner
from support.pictures import page, photo

from douglas_quaid import Config, Engine
from douglas_quaid.cli.main import main
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.evaluation import clones, edits, strata
from douglas_quaid.evaluation.dataset import Dataset, Item
from douglas_quaid.evaluation.engine_calls import Failure, QueryResponse, run_queries
from douglas_quaid.evaluation.ground_truth import Fingerprint, GroundTruth
from douglas_quaid.evaluation.labelling import label_response
from douglas_quaid.evaluation.queries import EvaluationQuery
from douglas_quaid.evaluation.results import LabelledPair, read_outcomes, read_pairs
from douglas_quaid.evaluation.split import Split
from douglas_quaid.records import Decision, Evidence, Relation, Verdict

Evaluate = Callable[..., Result]
SIZE = (640, 400)


@pytest.fixture
def evaluate(store_url: str, tmp_path: Path) -> Evaluate:
    """Runs the command in this process, with an empty store and its own output folder."""

    def run(dataset: Path, *arguments: str) -> Result:
        options = [
            "--store",
            store_url,
            "--out",
            str(tmp_path / "out"),
            "--processes",
            "1",
            "--clones",
            "0",
            *arguments,
        ]
        return runner().invoke(main, ["evaluate", str(dataset), *options], catch_exceptions=False)

    return run


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Three sites of two pages, one of which has two captures; two photographs; two pages that are never
    indexed, one of them of an indexed site.
    """
    folder = tmp_path / "data"
    (folder / "photos").mkdir(parents=True)
    lines = []

    def add(file: str, group: str, picture: Any, **more: str) -> None:
        (folder / file).write_bytes(edits.png(picture))
        lines.append(json.dumps({"file": file, "set": "drawn", "group": group, "page": f"/{group}"} | more))

    for n in range(6):
        add(f"page-{n}.png", f"g{n}", page(n, *SIZE), site=f"site{n // 2}.example")
    add("page-0-again.png", "g0", edits.recompressed(page(0, *SIZE), 60), site="site0.example")
    add("unknown.png", "g8", page(8, *SIZE), site="elsewhere.example", role="unanswered")
    add("sibling.png", "g9", page(9, *SIZE), site="site0.example", role="unanswered")
    for n in range(2):
        (folder / "photos" / f"{n}.png").write_bytes(edits.png(photo(n, *SIZE)))
    (folder / "groups.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def test_a_small_evaluation(evaluate: Evaluate, dataset: Path, tmp_path: Path) -> None:
    # When pictures are queried after two easy edits
    result = evaluate(
        dataset,
        "--edits",
        "resize_50,browser_bar",
        "--screenshots",
        "4",
        "--photos",
        "2",
        "--unanswered",
        "4",
        "--json",
    )
    # then it succeeds, with one line of totals
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    totals = json.loads(line)
    assert totals["images_searched"] == 9
    # and everything is found, without a false match.
    assert totals["mean_found"] == {"screenshots": 1.0, "photographs": 1.0}
    assert totals["strata"]["screenshots"]["asked"] == 8
    assert totals["false_matches"]["all"]["part"] == 0
    # The version of the page is found from the other one, with the copy itself left out,
    assert totals["strata"]["versions of a page"]["found"] == 1.0
    # and outcomes and pairs can be read again, with labels that say what is known.
    out = tmp_path / "out"
    answers, pairs = list(read_outcomes(out / "answers.jsonl")), list(read_pairs(out / "pairs.jsonl"))
    assert len(answers) == totals["queries"]
    assert {answer.stratum for answer in answers} >= {
        strata.SCREENSHOTS,
        strata.PHOTOGRAPHS,
        strata.SAME_SITE,
        strata.UNANSWERED,
    }
    assert all(pair.label is True for pair in pairs if pair.query == pair.reference)
    assert all(pair.label is not True for pair in pairs if pair.query == "unknown.png")
    siblings = [pair for pair in pairs if pair.stratum == strata.SAME_SITE and pair.query == "sibling.png"]
    assert {pair.reference for pair in siblings} >= {"page-0.png", "page-0-again.png", "page-1.png"}
    assert {(answer.query, answer.stratum) for answer in answers if not answer.expected} >= {
        ("unknown.png", strata.UNANSWERED),
        ("sibling.png", strata.SAME_SITE),
    }
    # The report is there, and the curve is a picture.
    assert "## Screenshots" in (out / "report.md").read_text()
    assert edits.opened(out / "reliability.png").width > 100


def test_a_run_that_was_stopped_is_resumed(evaluate: Evaluate, dataset: Path, tmp_path: Path) -> None:
    # Given a run whose last outcome was half written, and whose outcome before that was never written
    # although its pairs were
    options = ("--edits", "resize_50", "--screenshots", "3", "--photos", "0", "--unanswered", "0", "--json")
    before = json.loads(evaluate(dataset, *options).stdout)
    answers = tmp_path / "out" / "answers.jsonl"
    lines = answers.read_text().splitlines(keepends=True)
    pairs = (tmp_path / "out" / "pairs.jsonl").read_text()
    answers.write_text("".join(lines[:-2]) + lines[-1][:40])
    (tmp_path / "out" / "pairs.jsonl").write_text(
        "".join(line for line in pairs.splitlines(keepends=True) if not _of_answer(line, lines[-1]))
        + pairs.splitlines()[-1][:30]
    )
    # when it is resumed
    again = evaluate(dataset, *options, "--resume")
    # then the numbers are those of the whole run, and finished queries were not repeated.
    after = json.loads(again.stdout)
    assert {name: value for name, value in after.items() if name != "seconds"} == {
        name: value for name, value in before.items() if name != "seconds"
    }
    assert answers.read_text().splitlines(keepends=True)[:-2] == lines[:-2]
    assert len((tmp_path / "out" / "pairs.jsonl").read_text().splitlines()) == len(pairs.splitlines())


def _of_answer(pair: str, answer: str) -> bool:
    one, other = json.loads(pair), json.loads(answer)
    return (one["query"], one["edit"]) == (other["query"], other["edit"])


def test_another_run_is_not_resumed(evaluate: Evaluate, dataset: Path) -> None:
    options = ("--edits", "resize_50", "--screenshots", "1", "--photos", "0", "--unanswered", "0")
    assert evaluate(dataset, *options).exit_code == 0
    result = evaluate(dataset, *options, "--resume", "--seed", "2")
    assert result.exit_code == 2
    assert "belongs to another run (different: seed)" in result.stderr


def test_one_broken_picture_leaves_the_rest_done(evaluate: Evaluate, dataset: Path) -> None:
    # Given a file that is not a picture, and one that is missing
    (dataset / "page-3.png").write_bytes(b"not a picture")
    (dataset / "page-5.png").unlink()
    # when the set is evaluated
    result = evaluate(
        dataset, "--edits", "resize_50", "--screenshots", "9", "--photos", "1", "--unanswered", "2", "--json"
    )
    # then both are named, the status says that something failed, and all others were queried.
    assert result.exit_code == 1
    assert "page-3.png" in result.stderr and "page-5.png" in result.stderr
    totals = json.loads(result.stdout)
    assert (totals["failed"], totals["images_searched"]) == (2, 7)
    assert totals["strata"]["screenshots"]["asked"] == 4


def test_a_graph_is_judged_pair_by_pair(evaluate: Evaluate, tmp_path: Path) -> None:
    # Given a graph in which a page and its copy under a browser bar are linked, and a stranger is not
    pictures = {
        "a.png": page(1, *SIZE),
        "b.png": edits.edit("browser_bar", page(1, *SIZE)),
        "c.png": page(2, *SIZE),
    }
    for name, picture in pictures.items():
        (tmp_path / name).write_bytes(edits.png(picture))
    graph = {
        "nodes": [{"id": n, "image": name} for n, name in enumerate(pictures)],
        "edges": [{"from": 0, "to": 1}, {"from": 1, "to": 0}],
    }
    (tmp_path / "graph.json").write_text(json.dumps(graph))
    # when it is evaluated
    result = evaluate(tmp_path / "graph.json", "--json")
    # then the one linked pair is found, and neither of the others has any relation.
    assert result.exit_code == 0, result.output
    linked = json.loads(result.stdout)["linked"]
    assert (linked["pairs"], sum(linked["found"].values()), linked["others"], linked["wrong"]) == (
        1,
        1,
        2,
        {},
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("groups.jsonl", '{"file": "a.png", "set": "s", "group": "g"}\n{"file": ', "line 2: not JSON"),
        ("groups.jsonl", '{"file": "a.png", "set": "s"}', "line 1: 'group' is None"),
        ("groups.jsonl", '["a.png"]', "line 1: not a JSON object"),
        (
            "groups.jsonl",
            '{"file": "a.png", "set": "s", "group": "g", "role": "maybe"}',
            "role 'maybe' is unknown",
        ),
        ("groups.jsonl", '{"file": "../a.png", "set": "s", "group": "g"}', "lies outside"),
        ("groups.jsonl", '{"file": "a.png", "set": "s", "group": "g"}\n' * 2, "a.png is listed twice"),
        (
            "groups.jsonl",
            '{"file": "a.png", "set": "s", "group": "g"}\n{"file": "b.png", "set": "t", "group": "g"}',
            "group g has pictures of two sets",
        ),
        ("groups.jsonl", "", "no pictures found"),
        (
            "graph.json",
            '{"nodes": [{"id": 1, "image": "a.png"}], "edges": [{"from": 1, "to": 7}]}',
            "names node 7, which is not among the 1 nodes",
        ),
        ("graph.json", '{"nodes": [{"id": 1}], "edges": []}', "not a visjs graph"),
        (
            "graph.json",
            '{"nodes": [{"id": 1, "image": "a"}, {"id": 1, "image": "b"}], "edges": []}',
            "two nodes have the same id",
        ),
    ],
)
def test_a_bad_list_is_refused_by_name(
    evaluate: Evaluate, tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / name).write_text(content)
    result = evaluate(tmp_path / name)
    assert result.exit_code == 2
    assert message in result.stderr and name in result.stderr


def test_a_missing_data_set_is_named(evaluate: Evaluate, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "groups.jsonl", tmp_path / "graph.json"):
        result = evaluate(path)
        assert result.exit_code == 1
        assert str(path) in result.stderr


def test_an_unknown_edit_is_refused(evaluate: Evaluate, dataset: Path) -> None:
    result = evaluate(dataset, "--edits", "resize_50,upside_down")
    assert result.exit_code == 2
    assert "no edit is called 'upside_down'" in result.stderr and "crop_75" in result.stderr


def test_many_copies_of_a_template_do_not_hide_the_queried_page(tmp_path: Path, store_url: str) -> None:
    # Given two pages of one template, as a run met them, and a stranger of the same set
    template = page(4, *SIZE)
    other = template.copy()
    other.paste(page(5, *SIZE).crop((40, 140, 600, 400)), (40, 140))
    for name, picture in (("copied.png", template), ("asked.png", other), ("stranger.png", page(6, *SIZE))):
        (tmp_path / name).write_bytes(edits.png(picture))
    lines = [
        {"file": name, "set": "s", "group": name} for name in ("copied.png", "asked.png", "stranger.png")
    ]
    (tmp_path / "groups.jsonl").write_text("\n".join(map(json.dumps, lines)))
    dataset = Dataset.load(tmp_path)
    met = LabelledPair(
        "asked.png",
        "",
        strata.SAME_SITE,
        "copied.png",
        False,
        Verdict(Decision.NO_MATCH, Relation.SAME_TEMPLATE, 0.1, Evidence(inliers=30), "c", ""),
        3,
    )
    with Engine.open(store_url) as engine:
        truth = GroundTruth(
            dataset,
            {file: Fingerprint(file, file.encode(), bytes(32), 1, 1) for file in dataset.by_file},
            Split(),
        )
        (found,) = clones.find_templates(
            [met, replace(met, edit="crop_75"), replace(met, label=None)], truth, 2
        )
        # when near copies of the one are indexed and the other is queried
        responses = list(clones.query_among_clones(found, truth, engine, copies=8))
        # then the copies are in the store, and the page itself answers each query.
        assert (found.copied.file, found.queried.file, engine.count()) == ("copied.png", "asked.png", 3 + 8)
    answers = [
        label_response(response, small, shipped())[0]
        for small, response in responses
        if isinstance(response, QueryResponse)
    ]
    assert {answer.stratum for answer in answers} == {strata.CLONES}
    assert (
        [answer.edit for answer in answers if answer.found]
        == [answer.edit for answer in answers]
        == list(clones.CLONE_EDITS)
    )


def test_groups_with_a_twin_are_versions_of_one_view(tmp_path: Path) -> None:
    # Given two groups with one nearly equal capture each, a third that resembles only the other capture of
    # the second, and a queried page that is not indexed, a twin of the first
    lines = [
        {"file": f"{group}{number}.png", "set": "s", "group": group} for group in "xyz" for number in (0, 1)
    ]
    lines.append({"file": "asked.png", "set": "s", "group": "asked", "role": "unanswered"})
    (tmp_path / "groups.jsonl").write_text("\n".join(map(json.dumps, lines)))
    hashes = {"x0": 0x00, "x1": 0x10, "y0": 0x11, "y1": 0x20, "z0": 0x21, "z1": 0x40, "asked": 0x01}
    sketches = {
        f"{name}.png": Fingerprint(
            name,
            name.encode(),
            bytes([255 if value >> bit & 1 else 0 for bit in range(8) for _ in range(4)]),
            9,
            9,
        )
        for name, value in hashes.items()
    }
    for name, value in (("y0.png", "x1.png"), ("z0.png", "y1.png"), ("asked.png", "x0.png")):
        sketches[name] = replace(sketches[name], pdq=sketches[value].pdq[:-1] + b"\x07")
    truth = GroundTruth(Dataset.load(tmp_path), sketches, Split())
    # then captures of the first two are correct answers for each other, and those of the third for the second
    # only;
    first, second, third, asked = (
        truth.correct_answers(truth.dataset.by_file[name])
        for name in ("x0.png", "y0.png", "z1.png", "asked.png")
    )
    assert first == {"x0.png", "x1.png", "y0.png", "y1.png"}
    assert second == first | {"z0.png", "z1.png"}
    assert third == {"y0.png", "y1.png", "z0.png", "z1.png"}
    # and all of its twin's group would be correct for the page that is not indexed, so all of it is left out
    # of the search for that page.
    assert asked == {"x0.png", "x1.png"}
    # A correct answer is never labelled a different picture.
    query = truth.dataset.by_file["x0.png"]
    assert [truth.label(query, file.removesuffix(".png"))[1] for file in ("y1.png", "z1.png")] == [
        None,
        False,
    ]


def test_worker_processes_are_given_a_bounded_number_of_queries(store_url: str, tmp_path: Path) -> None:
    # Given queries without an end, and that each is taken only when it is needed
    taken = count()
    queries = (
        EvaluationQuery(
            Item(f"{next(taken)}.png", tmp_path / "missing.png", "s", "g"),
            "",
            strata.SCREENSHOTS,
            frozenset(),
        )
        for _ in count()
    )
    # When two processes work, and the answers to a few are read
    running = run_queries(Config(store=store_url), queries, 2)
    answers = list(islice(running, 20))
    running.close()
    # Then each query was answered once, and few more than those were taken
    assert all(isinstance(answer, Failure) for answer in answers)
    assert len({answer.file for answer in answers if isinstance(answer, Failure)}) == 20
    assert next(taken) <= 20 + 3 * 8
