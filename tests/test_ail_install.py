"""`quaid ail install` and `uninstall`: shown first, written as a whole, and taken back until every byte is as
before.
"""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.ail_checkout import contents, patch, uninstall, untouched, update_configuration
from support.ail_host import DOUBLE, AilHome

from douglas_quaid.ail.cfg_file import read_cfg
from douglas_quaid.ail.checkout.install import (
    plan_install,
    plan_uninstall,
    publishers,
    systemd_unit,
)
from douglas_quaid.ail.checkout.patching import patches, plan_patch
from douglas_quaid.ail.checkout.self_check import self_check
from douglas_quaid.ail.checkout.working_tree import Checkout
from douglas_quaid.ail.config import CORE_CFG, Settings
from douglas_quaid.errors import ConfigError

pytest_plugins = ["support.ail_fixtures"]

STORE = "redis://localhost:6390"
ALL = [each.name for each in patches()]


@pytest.fixture
def ail(own_ail: Callable[[], AilHome]) -> AilHome:
    return untouched(own_ail())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A checkout of the double, for what is the same in both."""
    home = tmp_path / "ail"
    shutil.copytree(DOUBLE, home, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(home / "configs" / "core.cfg.sample", home / "configs" / "core.cfg")
    return home


def installed(home: Path, **how: object) -> Path:
    plan_install(home, **({"store": STORE, "launcher": True} | how)).write()  # type: ignore[arg-type]
    return home


def test_everything_that_is_put_in_comes_out_again(ail: AilHome) -> None:
    # given a clean checkout
    before = contents(ail.home)
    # when it goes through install, self-check, patch, unpatch, patch, self-check
    installed(ail.home)
    self_check(ail.home, python=Path(ail.python))
    patch(ail.home, ALL)
    patch(ail.home, list(reversed(ALL)), revert=True)
    patch(ail.home, ["P3", "P1"])
    self_check(ail.home, python=Path(ail.python))
    assert set(ail.git("ls-files", "-m").split()) == {
        "bin/LAUNCH.sh",
        "bin/crawlers/Crawler.py",
        "bin/lib/correlations_engine.py",
        "configs/modules.cfg",
    }
    # then uninstall leaves nothing of it
    uninstall(ail.home)
    assert contents(ail.home) == before
    assert ail.git("status", "--porcelain") == ""


def test_what_is_shown_is_what_is_written(ail: AilHome) -> None:
    before = contents(ail.home)
    plans = [plan_install(ail.home, store=STORE, launcher=True), plan_patch(ail.home, ALL)]
    assert contents(ail.home) == before, "planning writes nothing"
    # given that git applies the text that was shown
    shown = "".join(plan.diff for plan in plans)
    subprocess.run(["git", "apply", "--whitespace=nowarn"], cwd=ail.home, input=shown.encode(), check=True)
    by_git = {name: content for name, (content, _) in contents(ail.home).items()}
    subprocess.run(
        ["git", "apply", "--reverse", "--whitespace=nowarn"], cwd=ail.home, input=shown.encode(), check=True
    )
    # then writing the plans gives the same files
    for plan in plans:
        plan.write()
    assert {name: content for name, (content, _) in contents(ail.home).items()} == by_git


def test_entry_files_are_small_executable_and_keep_the_root_off_the_path(ail: AilHome) -> None:
    installed(ail.home)
    for module in ("VisualCorrelation", "VisualCorrelationCrawled"):
        path = ail.home / "bin" / "modules" / f"{module}.py"
        assert os.access(path, os.X_OK) and len(path.read_text().splitlines()) <= 12
        assert (
            path.read_text().count("sys.path") == 1
            and "sys.path.append(os.environ['AIL_BIN'])" in path.read_text()
        )


def test_ail_reads_what_was_written(ail: AilHome) -> None:
    installed(ail.home)
    cfg = Checkout.of(ail.home).parsed("configs/modules.cfg")
    assert dict(cfg["VisualCorrelation"]) == {"subscribe": "Images", "publish": "Tags"}
    assert dict(cfg["VisualCorrelationCrawled"]) == {"subscribe": "Indexers", "publish": "Tags"}
    assert Settings.read(ail.home) == Settings(store=STORE)
    assert publishers(Checkout.of(ail.home), ("VisualCorrelation",))[
        0
    ] == "Crawler" and "Global" in publishers(Checkout.of(ail.home), ("VisualCorrelationCrawled",))
    windows = [
        line
        for line in (ail.home / "bin" / "LAUNCH.sh").read_text().splitlines()
        if "./VisualCorrelation" in line
    ]
    assert len(windows) == 2 and all(
        line.startswith('    screen -S "Script_AIL" -X screen -t "VisualCorrelation') for line in windows
    )
    subprocess.run(["bash", "-n", "bin/LAUNCH.sh"], cwd=ail.home, check=True)


def test_installing_twice_changes_nothing_and_neither_does_uninstalling_twice(ail: AilHome) -> None:
    installed(ail.home)
    assert (
        not plan_install(ail.home, store=STORE, launcher=True).changes and not plan_install(ail.home).changes
    )
    uninstall(ail.home)
    assert not plan_uninstall(ail.home).changes
    assert plan_uninstall(ail.home).diff == "" and plan_uninstall(ail.home).notes == ()


def test_an_update_of_core_cfg_in_between_stays(ail: AilHome) -> None:
    # given what the updater makes of a checkout without us
    untouched_cfg, sample = ail.core_cfg.read_bytes(), (ail.home / "configs" / "core.cfg.sample").read_bytes()
    update_configuration(ail)
    expected = ail.core_cfg.read_bytes()
    ail.core_cfg.write_bytes(untouched_cfg)
    (ail.home / "configs" / "core.cfg.sample").write_bytes(sample)
    # when it runs after an installation, which takes all comments and so our markers out of the file
    installed(ail.home)
    update_configuration(ail)
    assert b"#" not in ail.core_cfg.read_bytes() and Settings.read(ail.home).store == STORE
    assert not plan_install(ail.home, store=STORE, launcher=True).changes, "it is still installed"
    # then uninstall takes our section and nothing else
    uninstall(ail.home)
    assert ail.core_cfg.read_bytes() == expected


def test_what_an_operator_changed_in_our_section_goes_with_it_and_what_stands_around_it_stays(
    home: Path,
) -> None:
    before = contents(home)
    installed(home)
    core, modules = home / "configs" / "core.cfg", home / "configs" / "modules.cfg"
    core.write_text(
        core.read_text().replace("max_edges = 1\n", "# more\nmax_edges = 2\n")
        + "[Own]\nof_the_operator = 1\n"
    )
    modules.write_text("# a line of the operator\n" + modules.read_text().rstrip("\n") + "\n")
    core.write_text(
        core.read_text().replace("\n\n# quaid ail install: begin", "\n# quaid ail install: begin")
    )
    uninstall(home)
    assert core.read_bytes() == before["configs/core.cfg"][0] + b"[Own]\nof_the_operator = 1\n"
    assert modules.read_bytes() == b"# a line of the operator\n" + before["configs/modules.cfg"][0]


def test_a_section_that_the_operator_wrote_before_is_used_and_stays(home: Path) -> None:
    core = home / "configs" / "core.cfg"
    core.write_text(core.read_text() + f"\n[VisualCorrelation]\nstore = {STORE}\nattempts = 5\n")
    before = contents(home)
    installed(home)
    assert core.read_bytes() == before["configs/core.cfg"][0]
    with pytest.raises(ConfigError, match=r"written by hand, with store = redis://localhost:6390"):
        plan_install(home, store="redis://localhost:6400")
    uninstall(home)
    assert contents(home) == before


@pytest.mark.parametrize("updated", [False, True])
def test_another_store_is_written_into_our_section_only(home: Path, updated: bool) -> None:
    installed(home)
    core = home / "configs" / "core.cfg"
    if updated:
        config = configparser.ConfigParser()
        config.read(core)
        with core.open("w") as file:
            config.write(file)
    other = core.read_text()
    installed(home, store="redis://:a%40b@localhost:6400/1")
    assert core.read_text() == other.replace(
        f"store = {STORE}\n", "store = redis://:a%40b@localhost:6400/1\n"
    )
    assert Settings.read(home).store == "redis://:a%40b@localhost:6400/1"


@pytest.mark.parametrize("line", ["store =\n", "store:   \n", ""])
def test_a_store_is_named_by_a_later_installation(home: Path, line: str) -> None:
    # given an installation without a store, whose line somebody may have taken out, before a section with a
    # store of its own
    installed(home, store=None)
    core = home / "configs" / "core.cfg"
    core.write_text(core.read_text().replace("\nstore =\n", f"\n{line}") + "[Own]\nstore = of the operator\n")
    # when it is installed again with one
    installed(home)
    # then the file can still be read, with this store, and nobody else's changed
    assert Settings.read(home).store == STORE
    assert read_cfg(home / CORE_CFG).get("Own", "store") == "of the operator"
    assert not plan_install(home, store=STORE, launcher=True).changes


def test_the_password_of_a_store_is_not_shown(home: Path) -> None:
    plan = plan_install(home, store="redis://:secret@localhost:6400/1")
    assert "secret" not in plan.diff and "+store = redis://:***@localhost:6400/1\n" in plan.diff
    plan.write()
    assert Settings.read(home).store == "redis://:secret@localhost:6400/1"
    # nor the one that it had, however the operator wrote the line
    core = home / "configs" / "core.cfg"
    for mark in ("=", ": ", " =  "):
        core.write_text(
            core.read_text().replace(
                "store = redis://:secret@localhost:6400/1\n", f"store{mark}redis://:secret@localhost:6400/1\n"
            )
        )
        plan = plan_install(home, store="redis://localhost:6500")
        assert (
            "secret" not in plan.diff
            and f"-store{mark}redis://:***@localhost:6400/1\n+store = redis://localhost:6500\n" in plan.diff
        )
        core.write_text(core.read_text().replace(f"store{mark}redis", "store = redis"))


def test_without_the_second_module_and_with_it_afterwards(home: Path) -> None:
    before = contents(home)
    one = contents(installed(home, crawled=False))
    assert (
        "bin/modules/VisualCorrelationCrawled.py" not in one
        and b"Crawled" not in one["configs/modules.cfg"][0] + one["bin/LAUNCH.sh"][0]
    )
    installed(home)
    assert contents(home)["configs/modules.cfg"][0].count(b"[VisualCorrelation") == 2
    installed(home, crawled=False)
    assert contents(home) == one
    uninstall(home)
    assert contents(home) == before


def test_line_endings_missing_ends_modes_and_links_are_kept(home: Path, tmp_path: Path) -> None:
    # given files that are not as AIL ships them
    modules, core, launcher = (
        home / "configs" / "modules.cfg",
        home / "configs" / "core.cfg",
        home / "bin" / "LAUNCH.sh",
    )
    modules.write_bytes(modules.read_bytes().replace(b"\n", b"\r\n"))
    core.write_bytes(core.read_bytes().rstrip(b"\n") + "\n# caf\u00e9".encode("latin-1"))
    core.chmod(0o640)
    launcher.chmod(0o750)
    elsewhere = tmp_path / "elsewhere.cfg"
    elsewhere.write_bytes(core.read_bytes())
    core.unlink()
    core.symlink_to(elsewhere)
    before = contents(home)
    # when it is installed
    installed(home)
    after = contents(home)
    assert (
        b"\n" not in after["configs/modules.cfg"][0].replace(b"\r\n", b"")
        and b"[VisualCorrelation]\r\n" in after["configs/modules.cfg"][0]
    )
    assert {name: mode for name, (_, mode) in after.items() if name in before} == {
        name: mode for name, (_, mode) in before.items()
    }
    assert core.is_symlink() and b"[VisualCorrelation]" in elsewhere.read_bytes()
    # then all of it comes back
    uninstall(home)
    assert contents(home) == before and core.is_symlink()


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path, home: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=(
            r"is not an AIL checkout: it has no bin/lib/ail_queues\.py; give the folder that "
            r"AIL_HOME names"
        ),
    ):
        plan_install(tmp_path)
    with pytest.raises(ConfigError, match="is not a folder"):
        plan_install(tmp_path / "nowhere")
    (home / "configs" / "core.cfg").unlink()
    with pytest.raises(ConfigError, match=r"core.cfg is missing; AIL makes it from core.cfg.sample"):
        plan_install(home)


SOMEBODY_ELSE = {
    "a section of modules.cfg": (
        "configs/modules.cfg",
        "\n[VisualCorrelation]\nsubscribe = Item\n",
        r"has a section \[VisualCorrelation\] that `quaid ail install` did not write",
    ),
    "a section of core.cfg": (
        "configs/core.cfg",
        "\n[VisualCorrelation]\nneural_net = yes\n",
        "neural_net is not an option; .* somebody else's",
    ),
    "an entry file": (
        "bin/modules/VisualCorrelationCrawled.py",
        "print('mine')\n",
        "VisualCorrelationCrawled.py is somebody else's file",
    ),
    "a file that nobody can parse": (
        "configs/modules.cfg",
        "\nno section, no option\n[",
        "cannot be read: Source contains parsing errors",
    ),
}


@pytest.mark.parametrize("name", SOMEBODY_ELSE)
def test_what_is_somebody_else_s_is_refused_and_stays(home: Path, name: str) -> None:
    file, text, words = SOMEBODY_ELSE[name]
    path = home / file
    path.write_text((path.read_text() if path.exists() else "") + text)
    before = contents(home)
    with pytest.raises(ConfigError, match=words):
        plan_install(home)
    assert contents(home) == before
    uninstall(home)
    assert contents(home) == before, "uninstalling leaves it too"


def test_a_launcher_without_the_place_for_our_windows_is_refused(home: Path) -> None:
    (home / "bin" / "LAUNCH.sh").write_text("#!/bin/bash\n")
    with pytest.raises(ConfigError, match=r"LAUNCH.sh does not start CodeReader .* use the systemd unit"):
        plan_install(home, launcher=True)
    assert plan_install(home)


def test_what_changed_after_it_was_shown_is_not_overwritten(home: Path) -> None:
    plan = plan_install(home)
    core = home / "configs" / "core.cfg"
    core.write_text(core.read_text() + "# meanwhile\n")
    before = contents(home)
    with pytest.raises(
        ConfigError, match=r"core.cfg was changed after the diff was shown; nothing was written"
    ):
        plan.write()
    assert contents(home) == before


APPLY = """
import os, resource, signal, sys
from pathlib import Path
from douglas_quaid.ail.checkout.install import plan_install
plan = plan_install(Path(sys.argv[1]))
limit = int(sys.argv[2])
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
elif os.geteuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    plan.write()
except Exception as error:
    print(type(error).__name__, error)
"""


def ran(home: Path, *, limit: int = 0) -> str:
    """What an installation says that may write files of so many bytes, or that is run by somebody who is not
    root.
    """
    done = subprocess.run(
        [sys.executable, "-P", "-c", APPLY, str(home), str(limit)], capture_output=True, text=True, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_disk_that_takes_no_more_in_the_middle_leaves_the_checkout_as_it_was(home: Path) -> None:
    before = contents(home)
    # given a system that lets the small entry files be written, and modules.cfg and core.cfg no more
    words = ran(home, limit=1000)
    assert (
        words.startswith("ConfigError") and "cannot be written: File too large; nothing was changed" in words
    )
    assert contents(home) == before


@pytest.mark.parametrize("file", ["configs/modules.cfg", "bin/modules", "configs"])
def test_a_file_that_this_user_cannot_write_is_named_before_anything_is_written(file: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "ail"
        shutil.copytree(DOUBLE, home)
        shutil.copyfile(home / "configs" / "core.cfg.sample", home / "configs" / "core.cfg")
        for path in (home, *home.rglob("*")):
            os.chmod(path, path.stat().st_mode | (0o777 if path.is_dir() else 0o666))
        (home / file).chmod(0o555 if (home / file).is_dir() else 0o444)
        before = contents(home)
        words = ran(home)
        assert (
            words.startswith("ConfigError")
            and "cannot be written by this user; run this as the user that AIL runs as" in words
        )
        assert contents(home) == before
        (home / file).chmod(0o777)


def test_the_updater_goes_on_after_a_local_commit(ail: AilHome, tmp_path: Path) -> None:
    # given a checkout that follows a repository, and an installation that is committed as its notes say
    upstream = tmp_path / "upstream"
    subprocess.run(["git", "clone", "-q", str(ail.home), str(upstream)], check=True)
    ail.git("remote", "add", "origin", str(upstream))
    ail.git("fetch", "-q", "origin")
    ail.git("branch", "-q", "--set-upstream-to=origin/master")
    for name, value in (
        ("user.name", "operator"),
        ("user.email", "operator@example.org"),
        ("pull.rebase", "true"),
    ):
        ail.git("config", name, value)
    plan = plan_install(ail.home, launcher=True)
    plan.write()
    [note] = [note for note in plan.notes if "git add" in note]
    files = note.split("git add ")[1].split(" &&")[0].split()
    assert Checkout.of(ail.home).modified() == tuple(sorted(files))
    ail.git("add", *files)
    ail.git("commit", "-q", "-m", "Visual correlation")
    # when a new version changes the same files, and the updater pulls
    for name in files:
        path = upstream / name
        path.write_text("# a new version\n" + path.read_text())
    for arguments in (
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "new version"],
    ):
        subprocess.run(["git", *arguments], cwd=upstream, check=True)
    ail.git("pull")
    # then nothing is in its way, and both are there
    assert Checkout.of(ail.home).modified() == ()
    assert not plan_install(ail.home, launcher=True).changes
    assert all((ail.home / name).read_text().startswith("# a new version\n") for name in files)
    # and uninstalling gives the new version
    uninstall(ail.home)
    assert ail.git("diff", "--stat", "origin/master", "--", *files) == ""


def test_a_systemd_unit_names_the_checkout_its_interpreter_and_its_owner(home: Path) -> None:
    unit = systemd_unit(home, "VisualCorrelation")
    assert (
        f"ExecStart={home}/AILENV/bin/python ./VisualCorrelation.py\n" in unit
        and f"WorkingDirectory={home}/bin/modules\n" in unit
    )
    assert f"AIL_BIN={home}/bin/ " in unit and f"User={home.owner()}\n" in unit
    assert "KillMode=mixed\n" in unit, (
        "the module alone is told to end: its decoder would leave a picture half done"
    )
