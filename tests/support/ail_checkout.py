"""A checkout as an operator has it before our modules come: clean, and with a core.cfg that knows nothing of
us; and what an updater does to it.
"""

from __future__ import annotations

import configparser
import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

from douglas_quaid.ail.checkout.file_changes import Plan
from douglas_quaid.ail.checkout.install import plan_uninstall
from douglas_quaid.ail.checkout.patching import plan_patch
from support.ail_host import AilHome


def untouched(ail: AilHome) -> AilHome:
    """core.cfg as AIL makes it, but with the addresses of this home's servers."""
    ail.servers.config.remove_section("VisualCorrelation")
    with ail.core_cfg.open("w") as file:
        ail.servers.config.write(file)
    return ail


def contents(home: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and mode of every file of a checkout, those that git does not track too."""
    files = (
        path for path in home.rglob("*") if path.is_file() and ".git" not in path.relative_to(home).parts
    )
    return {
        str(path.relative_to(home)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) for path in files
    }


def update_configuration(ail: AilHome) -> None:
    """AIL's updater brings a new option: core.cfg is parsed and written anew, without a comment. Run by AIL's
    own script where there is one.
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
    """Apply patches by name, or take them out; gives what was changed."""
    plan = plan_patch(home, names, revert=revert)
    plan.write()
    return plan


def uninstall(home: Path) -> Plan:
    """Remove everything of ours; gives what was changed."""
    plan = plan_uninstall(home)
    plan.write()
    return plan
