"""Our modules in an AIL checkout: entry files, sections of modules.cfg, options of core.cfg, windows of the
launcher.

`plan_install` and `plan_uninstall` return a `Plan` to show before it is written. AIL's own text is only added
to, and each addition is marked, so that removal restores every byte. The exception is core.cfg: AIL's updater
writes it anew without comments. Therefore the entry file notes that the section there is ours.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from douglas_quaid import ConfigError
from douglas_quaid.store_url import shown

from ..config import CORE_CFG, MODULES, SECTION, Settings
from .edits import MARK, Insertion, edited
from .patching import commit_note, patches
from .working_tree import LAUNCHER, MODULES_CFG, Checkout, FileChange, Plan, Text

#: The module for objects that AIL queues, and the one for screenshots that it does not queue.
MODULE, CRAWLED = MODULES
#: The queue to which each module subscribes. Both publish to Tags.
QUEUES = {MODULE: "Images", CRAWLED: "Indexers"}
#: Lines around a block of ours in a file of AIL.
BEGIN, END = f"# {MARK} install: begin", f"# {MARK} install: end"
#: Follows BEGIN if the file did not end with a line ending.
UNENDED = ", the line above had no end"
#: In the entry file: the section in core.cfg is ours.
RECEIPT = "# core.cfg: section added"
#: The entry file of a module.
ENTRY = f"""\
#!/usr/bin/env python3
# Written by `{MARK} install`, which shows what else it wrote; `{MARK} uninstall` removes all of it.
{{receipt}}import os
import sys

sys.path.append(os.environ['AIL_BIN'])
from douglas_quaid.ail.VisualCorrelation import {{module}}

if __name__ == '__main__':
    {{module}}().run()
"""
_WINDOW = (
    '    screen -S "Script_AIL" -X screen -t "{module}" bash -c '
    '"cd ${{AIL_BIN}}/modules; ${{ENV_PY}} ./{module}.py; read x"\n    sleep 0.1\n'
)
#: A systemd unit for a module.
UNIT = """\
# /etc/systemd/system/{module}.service, in place of a window of AIL's launcher
[Unit]
Description=AIL module {module}
After=network-online.target

[Service]
User={user}
WorkingDirectory={home}/bin/modules
Environment=AIL_HOME={home}/ AIL_BIN={home}/bin/ AIL_FLASK={home}/var/www/ AIL_VENV={home}/AILENV/
ExecStart={home}/AILENV/bin/python ./{module}.py
Restart=always
RestartSec=10
KillMode=mixed

[Install]
WantedBy=multi-user.target
"""


def entry_file(module: str) -> str:
    """Return the path of a module's entry file in the checkout."""
    return f"bin/modules/{module}.py"


def plan_install(
    home: Path, *, store: str | None = None, crawled: bool = True, launcher: bool = False
) -> Plan:
    """Return what an installation changes; nothing if it is installed already.

    `store`: URL of the feature store, for core.cfg. `crawled`: with the second module, for screenshots that
    AIL does not queue. `launcher`: with windows in bin/LAUNCH.sh. Raises ConfigError if the folder is not an
    AIL checkout, or somebody else uses one of our names there.
    """
    checkout = Checkout.of(home)
    modules = MODULES if crawled else (MODULE,)
    options, added = _options(checkout, store)
    changes = [_entry(checkout, module, receipt=added and module == MODULE) for module in modules]
    changes += [
        FileChange(entry_file(module), text.bytes, None)
        for module, text in _entry_files(checkout).items()
        if module not in modules
    ]
    changes += [_sections(checkout, modules), options]
    changes += edited(
        checkout,
        put=_windows(checkout, modules) if launcher else (),
        taken=[_window(module) for module in MODULES if module not in modules],
    )
    found = tuple(change for change in changes if change)
    return Plan(checkout.home, found, _install_notes(checkout, found, modules, launcher) if found else ())


def plan_uninstall(home: Path) -> Plan:
    """Return what changes if everything of ours is removed, patches included; nothing if nothing is there.

    Raises ConfigError if the folder is not an AIL checkout, or if git is needed for a patch and missing.
    """
    checkout = Checkout.of(home)
    ours = _entry_files(checkout)
    changes = [FileChange(entry_file(module), text.bytes, None) for module, text in ours.items()]
    notes = [
        f"{entry_file(module)} is not ours and stays"
        for module in MODULES
        if module not in ours and checkout.read(entry_file(module))
    ]
    receipt = MODULE in ours and RECEIPT in ours[MODULE].raw
    for name in (MODULES_CFG, CORE_CFG):
        if (text := checkout.read(name)) is None:
            continue
        left = _without_block(text)
        if left == text and name == CORE_CFG and receipt:
            left = _without_section(text, SECTION)
        if left != text:
            changes.append(FileChange(name, text.bytes, left.bytes))
    edits = [edit for each in patches() for edit in each.edits] + [_window(module) for module in MODULES]
    changes += edited(checkout, taken=edits)
    if changes:
        notes += [
            f"Stop the modules, and restart {', '.join(publishers(checkout, MODULES))}: until then they fill "
            "the queues of subscribers that are gone.",
            "If the installation was committed in the checkout, commit this, too, or revert that commit.",
        ]
    after = {change.name: change.after for change in changes}
    for name in dict.fromkeys([MODULES_CFG, CORE_CFG, LAUNCHER, *(edit.name for edit in edits)]):
        text = checkout.read(name)
        if MARK.encode() in (after.get(name, text.bytes if text else None) or b""):
            notes.append(f"{name} still holds a text with {MARK!r} that was edited: look at it by hand")
    return Plan(checkout.home, tuple(changes), tuple(notes))


def systemd_unit(home: Path, module: str) -> str:
    """Return a systemd unit that runs a module instead of a window of the launcher.

    Raises ConfigError if the folder is not an AIL checkout.
    """
    checkout = Checkout.of(home)
    try:
        user = checkout.home.owner()
    except KeyError:  # an id without a name
        user = str(checkout.home.stat().st_uid)
    return UNIT.format(module=module, home=checkout.home, user=user)


def installed(checkout: Checkout) -> tuple[str, ...]:
    """Return our modules that have a section in modules.cfg. Raises ConfigError if it cannot be read."""
    return tuple(module for module in MODULES if checkout.parsed(MODULES_CFG).has_section(module))


def launched(checkout: Checkout) -> tuple[str, ...]:
    """Return our modules that the launcher starts. Raises ConfigError if it cannot be read."""
    text = checkout.read(LAUNCHER)
    return tuple(
        module
        for module in MODULES
        if text and re.search(rf"(?m)^ *screen [^\n]*\./{module}\.py\b", text.lines)
    )


def publishers(checkout: Checkout, modules: Sequence[str]) -> tuple[str, ...]:
    """Return AIL's modules that publish to the queues of these modules. They learn of subscribers when they
    start. Raises ConfigError if modules.cfg cannot be read.
    """
    cfg, queues = checkout.parsed(MODULES_CFG), {QUEUES[module] for module in modules}
    return tuple(
        name for name in cfg.sections() if queues & set(cfg.get(name, "publish", fallback="").split(","))
    )


def _entry(checkout: Checkout, module: str, *, receipt: bool) -> FileChange | None:
    name = entry_file(module)
    there = checkout.read(name)
    if there is None:
        text = ENTRY.format(module=module, receipt=f"{RECEIPT}\n" if receipt else "")
        return FileChange(name, None, text.encode())
    if not _is_ours(there, module):
        raise ConfigError(
            f"{checkout.home / name} is somebody else's file and stays; move it away if it is not needed"
        )
    if receipt and RECEIPT not in there.raw:
        return FileChange(name, there.bytes, there.replaced("import os\n", f"{RECEIPT}\nimport os\n").bytes)
    return None


def _entry_files(checkout: Checkout) -> dict[str, Text]:
    """Entry files that this program wrote, by module."""
    return {
        module: text
        for module in MODULES
        if (text := checkout.read(entry_file(module))) and _is_ours(text, module)
    }


def _is_ours(text: Text, module: str) -> bool:
    return f"from douglas_quaid.ail.VisualCorrelation import {module}\n" in text.lines


def _sections(checkout: Checkout, modules: Sequence[str]) -> FileChange | None:
    """modules.cfg with a section for each of these modules, and no other section of ours."""
    text = checkout.read(MODULES_CFG)
    assert text is not None  # Checkout.of has seen it
    foreign = _without_block(text)
    for module in MODULES:
        if re.search(rf"(?m)^\[{module}\]", foreign.lines):
            raise ConfigError(
                f"{checkout.home / MODULES_CFG} has a section [{module}] that `{MARK} install` did not "
                "write: it is somebody else's. Remove it there first"
            )
    if set(installed(checkout)) == set(modules):
        return None
    body = "\n".join(f"[{module}]\nsubscribe = {QUEUES[module]}\npublish = Tags\n" for module in modules)
    return FileChange(MODULES_CFG, text.bytes, _with_block(foreign, body).bytes)


def _options(checkout: Checkout, store: str | None) -> tuple[FileChange | None, bool]:
    """core.cfg with our section, and whether the section is added now."""
    path, text = checkout.home / CORE_CFG, checkout.read(CORE_CFG)
    if text is None:
        raise ConfigError(
            f"{path} is missing; AIL makes it from core.cfg.sample (bin/Update-conf.py) when it first starts"
        )
    if not checkout.parsed(CORE_CFG).has_section(SECTION):
        return FileChange(CORE_CFG, text.bytes, _with_block(text, Settings.section(store=store)).bytes), True
    try:
        there = Settings.read(checkout.home).store
    except ConfigError as error:
        raise ConfigError(
            f"{error}; if the section [{SECTION}] is not for Douglas-Quaid, it is somebody else's: rename "
            "it first"
        ) from None
    if store is None or store == there:
        return None, False
    entry = checkout.read(entry_file(MODULE))
    if _without_block(text) == text and not (entry and RECEIPT in entry.raw):
        raise ConfigError(
            f"{path} has a section [{SECTION}] written by hand, with store = {shown(there or '')}; change it "
            "there"
        )
    found = re.search(rf"(?ms)^\[{SECTION}\](.*?)(?=^\[|\Z)", text.raw)
    assert found is not None  # the parser has seen it
    changed, count = re.subn(r"(?m)^store[ \t]*[=:][^\r\n]*", lambda _: f"store = {store}", found[1], count=1)
    options = changed if count else f"{text.end}store = {store}{changed}"
    new = text.raw[: found.start(1)] + options + text.raw[found.end() :]
    return FileChange(CORE_CFG, text.bytes, Text(new).bytes), False


def _windows(checkout: Checkout, modules: Sequence[str]) -> list[Insertion]:
    """What the launcher lacks to start these modules."""
    there = launched(checkout)
    windows = [_window(module) for module in modules if module not in there]
    text = checkout.read(LAUNCHER)
    if windows and (text is None or not text.count(windows[0].after)):
        raise ConfigError(
            f"{checkout.home / LAUNCHER} does not start CodeReader as AIL's launcher does, so our windows "
            "have no place there; use the systemd unit instead"
        )
    return windows


def _window(module: str) -> Insertion:
    """The window of a module, behind CodeReader's."""
    mark, after = f"{MARK} install: {module}", _WINDOW.format(module="CodeReader")
    new = f"    # {mark}\n" + _WINDOW.format(module=module)
    return Insertion(name=LAUNCHER, mark=mark, upstream=r"(?!)", sought=after.strip(), after=after, new=new)


def _with_block(text: Text, body: str) -> Text:
    """With our block at the end."""
    ended = not text.raw or text.raw.endswith("\n")
    head = f"\n{BEGIN}\n" if ended else f"\n\n{BEGIN}{UNENDED}\n"
    return Text(text.raw + text.own(f"{head}\n{body}\n{END}\n"))


def _without_block(text: Text) -> Text:
    """Without our block, as the file was before; the same text if there is none."""
    end = text.end
    block = re.search(rf"(?s){BEGIN}(?P<unended>{UNENDED})?{end}.*?{END}(?:{end}|\Z)", text.raw)
    if block is None:
        return text
    above = text.raw[: block.start()]
    if block["unended"]:  # the end of the line above is ours, and the blank line
        above = above.removesuffix(end).removesuffix(end)
    elif above == end or above.endswith(f"\n{end}"):  # the blank line is ours
        above = above.removesuffix(end)
    return Text(above + text.raw[block.end() :])


def _without_section(text: Text, section: str) -> Text:
    """Without a section that lost its markers: its header, its options, and one blank line behind them."""
    return Text(
        re.sub(
            rf"(?m)^\[{section}\][^\n]*\n(?:(?![\[#;\r\n])[^\n]*(?:\n|\Z))*(?:\r?\n)?", "", text.raw, count=1
        )
    )


def _install_notes(
    checkout: Checkout, changes: Sequence[FileChange], modules: Sequence[str], launcher: bool
) -> tuple[str, ...]:
    restart = (
        f"Restart in AIL: {', '.join(publishers(checkout, modules))}. They learn of a new subscriber when "
        "they start, and send it nothing before."
    )
    unstarted = (
        f"Nothing starts {' and '.join(modules)} yet: add windows to bin/LAUNCH.sh (--launcher), or use the "
        "systemd units.",
        "The queue of a subscribed module that does not run grows without end.",
    )
    lacks_start = not launcher and set(modules) - set(launched(checkout))
    return (restart, *(unstarted if lacks_start else ()), *commit_note(changes))
