"""A clean AIL checkout, as an operator has it before the installation, and what AIL's updater does to it."""

from __future__ import annotations

import configparser
import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

from douglas_quaid.ail.checkout.install import plan_uninstall
from douglas_quaid.ail.checkout.patching import plan_patch
from douglas_quaid.ail.checkout.working_tree import Plan
from support.ail_host import AilHome


def untouched(ail: AilHome) -> AilHome:
    """Give an AIL the core.cfg that AIL makes, with the addresses of its own servers, and return it."""
    ail.servers.config.remove_section("VisualCorrelation")
    with ail.core_cfg.open("w") as file:
        ail.servers.config.write(file)
    return ail


def contents(home: Path) -> dict[str, tuple[bytes, int]]:
    """Return bytes and mode of every file of a checkout, including those that git does not track."""
    files = (
        path for path in home.rglob("*") if path.is_file() and ".git" not in path.relative_to(home).parts
    )
    return {
        str(path.relative_to(home)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in files
    }


def update_configuration(ail: AilHome) -> None:
    """Do what AIL's updater does for a new option: parse core.cfg and write it anew, without comments. AIL's
    own script does it if the checkout has one.
    """
    with (ail.home / "configs" / "core.cfg.sample").open("a") as sample:
        sample.write("\n[Something_New]\nof_ail = 1\n")
    script = ail.home / "bin" / "Update-conf.py"
    if script.exists():
        subprocess.run([ail.python, str(script)], env=ail.environment, check=True, capture_output=True)
    else:
        config = configparser.ConfigParser()
        config.read(ail.core_cfg)
        config["Something_New"] = {"of_ail": "1"}
        shutil.copyfile(ail.core_cfg, ail.home / "configs" / "core.cfg.backup")
        with ail.core_cfg.open("w") as file:
            config.write(file)


def patch(home: Path, names: Sequence[str], *, revert: bool = False) -> Plan:
    """Apply patches by name, or take them out, and return what was changed."""
    plan = plan_patch(home, names, revert=revert)
    plan.write()
    return plan


def uninstall(home: Path) -> Plan:
    """Remove everything of ours, and return what was changed."""
    plan = plan_uninstall(home)
    plan.write()
    return plan
