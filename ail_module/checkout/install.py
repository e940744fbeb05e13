"""Our modules into an AIL checkout and out of it again: entry files, sections of modules.cfg, options of
core.cfg, windows of the launcher.

Takes the folder that AIL_HOME names, gives a `Plan` to show before it is written. Nothing of AIL's own text
changes but by addition, and each addition is marked, so that `plan_uninstall` gives the bytes that were there
before. The exception is core.cfg: AIL's updater writes it anew without comments, so the entry file notes that
the section there is ours.
"""

from __future__ import annotations

import re
from pathlib import Path

from douglas_quaid.config import shown
from douglas_quaid.errors import ConfigError

from ..config import MODULES, SECTION, Settings
from .file_changes import FileChange, Plan, apply
from .patching import MARK, Edit, dirty_tree, edited, patches
from .working_tree import CORE_CFG, LAUNCHER, MODULES_CFG, Checkout, Text

MODULE, CRAWLED = MODULES
#: What each subscribes to; both publish to Tags.
QUEUES = {MODULE: "Images", CRAWLED: "Indexers"}
BEGIN, END = f"# {MARK} install: begin", f"# {MARK} install: end"
#: Follows BEGIN where the file did not end with a line's end.
UNENDED = ", the line above had no end"
RECEIPT = "# core.cfg: section added"
ENTRY = f"""\
#!/usr/bin/env python3
# Written by `{MARK} install`, which shows what else it wrote; `{MARK} uninstall` takes all of it away again.
{{receipt}}import os
import sys

sys.path.append(os.environ['AIL_BIN'])
from douglas_quaid.ail.VisualCorrelation import {{module}}

if __name__ == '__main__':
    {{module}}().run()
"""
_WINDOW = """\
    screen -S "Script_AIL" -X screen -t "{module}" bash -c "cd ${{AIL_BIN}}/modules; ${{ENV_PY}} ./{module}.py; read x"
    sleep 0.1
"""
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
    """The path of a module's entry file in the checkout."""
    return f"bin/modules/{module}.py"


def plan_install(
    home: Path, *, store: str | None = None, crawled: bool = True, launcher: bool = False
) -> Plan:
    """What an installation writes; nothing where it is installed already.

    store: URL of the feature store, for core.cfg. crawled: with the second module, for screenshots that AIL
    does not queue. launcher: with windows in bin/LAUNCH.sh. Raises ConfigError when the folder is no AIL
    checkout, or a name of ours is taken by somebody else.
    """
    checkout = Checkout.of(home)
    modules = MODULES if crawled else (MODULE,)
    options, added = _options(checkout, store)
    changes = [
        change
        for module in modules
        if (change := _entry(checkout, module, receipt=added and module == MODULE))
    ]
    changes += [
        FileChange(entry_file(module), text.bytes, None)
        for module, text in _ours(checkout).items()
        if module not in modules
    ]
    changes += [change for change in (_sections(checkout, modules), options) if change]
    changes += edited(
        checkout,
        put=_windows(checkout, modules) if launcher else (),
        taken=[_window(module) for module in MODULES if module not in modules],
    )
    return Plan(
        checkout.home, tuple(changes), tuple(_notes(checkout, changes, modules, launcher)) if changes else ()
    )


def plan_uninstall(home: Path) -> Plan:
    """What taking everything away changes: patches of ours too. Nothing where nothing is installed. Raises
    ConfigError for no AIL checkout.
    """
    checkout = Checkout.of(home)
    ours = _ours(checkout)
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
            f"Stop the modules, and restart {', '.join(publishers(checkout, MODULES))}: until then they fill the queues of subscribers that are gone.",
            "If the installation was committed in the checkout, commit this too, or take that commit out.",
        ]
    notes += [
        f"{name} still holds a text with {MARK!r} that was edited: look at it by hand"
        for name in _leftovers(checkout, changes)
    ]
    return Plan(checkout.home, tuple(changes), tuple(notes))


def uninstall(home: Path) -> Plan:
    """Takes everything away that `plan_install` and `patch` put there, and gives what was changed. Raises
    ConfigError with the checkout as it was.
    """
    plan = plan_uninstall(home)
    apply(plan)
    return plan


def systemd_unit(home: Path, module: str) -> str:
    """The text of a unit that runs a module instead of a window of the launcher. Raises ConfigError for no
    AIL checkout.
    """
    checkout = Checkout.of(home)
    return UNIT.format(module=module, home=checkout.home, user=_owner(checkout.home))


def installed(checkout: Checkout) -> tuple[str, ...]:
    """The modules of ours that have a section in modules.cfg."""
    return tuple(module for module in MODULES if checkout.parsed(MODULES_CFG).has_section(module))


def launched(checkout: Checkout) -> tuple[str, ...]:
    """The modules of ours that the launcher starts."""
    text = checkout.read(LAUNCHER)
    return tuple(
        module
        for module in MODULES
        if text and re.search(rf"(?m)^ *screen [^\n]*\./{module}\.py\b", text.lines)
    )


def publishers(checkout: Checkout, modules: tuple[str, ...]) -> tuple[str, ...]:
    """AIL's modules that publish to what these subscribe to, as modules.cfg says: they learn of subscribers
    when they start.
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
            f"{checkout.home / name} is somebody else's file, and stays; move it away if it is not needed"
        )
    if receipt and RECEIPT not in there.raw:
        return FileChange(name, there.bytes, there.replaced("import os\n", f"{RECEIPT}\nimport os\n").bytes)
    return None


def _ours(checkout: Checkout) -> dict[str, Text]:
    """Entry files that this program wrote, by module."""
    return {
        module: text
        for module in MODULES
        if (text := checkout.read(entry_file(module))) and _is_ours(text, module)
    }


def _is_ours(text: Text, module: str) -> bool:
    return f"from douglas_quaid.ail.VisualCorrelation import {module}\n" in text.lines


def _sections(checkout: Checkout, modules: tuple[str, ...]) -> FileChange | None:
    """modules.cfg with a section for each of these modules, and no others of ours."""
    text = checkout.read(MODULES_CFG)
    assert text is not None  # Checkout.of has seen it
    foreign = _without_block(text)
    for module in MODULES:
        if re.search(rf"(?m)^\[{module}\]", foreign.lines):
            raise ConfigError(
                f"{checkout.home / MODULES_CFG} has a section [{module}] that is not of `{MARK} install`: somebody else's. Remove it there first"
            )
    if set(installed(checkout)) == set(modules):
        return None
    body = "\n".join(f"[{module}]\nsubscribe = {QUEUES[module]}\npublish = Tags\n" for module in modules)
    return FileChange(MODULES_CFG, text.bytes, _with_block(foreign, body).bytes)


def _options(checkout: Checkout, store: str | None) -> tuple[FileChange | None, bool]:
    """core.cfg with our section, and whether it is added now."""
    text = checkout.read(CORE_CFG)
    if text is None:
        raise ConfigError(
            f"{checkout.home / CORE_CFG} is missing; AIL makes it of core.cfg.sample (bin/Update-conf.py) when it starts for the first time"
        )
    if not checkout.parsed(CORE_CFG).has_section(SECTION):
        return FileChange(CORE_CFG, text.bytes, _with_block(text, Settings.section(store=store)).bytes), True
    try:
        there = Settings.read(checkout.home).store
    except ConfigError as error:
        raise ConfigError(
            f"{error}; if the section [{SECTION}] is not for Douglas-Quaid, it is somebody else's: rename it there first"
        ) from None
    if store is None or store == there:
        return None, False
    entry = checkout.read(entry_file(MODULE))
    if _without_block(text) == text and not (entry and RECEIPT in entry.raw):
        raise ConfigError(
            f"{checkout.home / CORE_CFG} has a section [{SECTION}] written by hand, with store = {shown(there or '')}; change it there"
        )
    found = re.search(rf"(?ms)^\[{SECTION}\](.*?)(?=^\[|\Z)", text.raw)
    assert found is not None  # the parser has seen it
    changed, count = re.subn(r"(?m)^store[ \t]*[=:][^\r\n]*", lambda _: f"store = {store}", found[1], count=1)
    new = (
        text.raw[: found.start(1)]
        + (changed if count else f"{text.end}store = {store}{changed}")
        + text.raw[found.end() :]
    )
    return FileChange(CORE_CFG, text.bytes, Text(new).bytes), False


def _windows(checkout: Checkout, modules: tuple[str, ...]) -> list[Edit]:
    """What the launcher lacks to start these modules."""
    edits = [_window(module) for module in modules if module not in launched(checkout)]
    text = checkout.read(LAUNCHER)
    if edits and (text is None or not text.count(edits[0].after)):
        raise ConfigError(
            f"{checkout.home / LAUNCHER} does not start CodeReader as AIL's launcher does, so there is no place for our windows; use the systemd unit instead"
        )
    return edits


def _window(module: str) -> Edit:
    """The window of a module, behind CodeReader's."""
    mark = f"    # {MARK} install: {module}\n"
    return Edit(
        LAUNCHER, _WINDOW.format(module="CodeReader"), "", mark + _WINDOW.format(module=module), r"(?!)"
    )


def _with_block(text: Text, body: str) -> Text:
    """With our block at the end."""
    ended = not text.raw or text.raw.endswith("\n")
    head = f"\n{BEGIN}\n" if ended else f"\n\n{BEGIN}{UNENDED}\n"
    return Text(text.raw + text.own(f"{head}\n{body}\n{END}\n"))


def _without_block(text: Text) -> Text:
    """Without our block, as the file was before; the same text when there is none."""
    end = re.escape(text.end)
    block = rf"(?s){re.escape(BEGIN)}(?P<unended>{re.escape(UNENDED)})?{end}.*?{re.escape(END)}(?:{end}|\Z)"
    found = re.search(block, text.raw)
    if not found:
        return text
    start, width = found.start(), len(text.end)
    blank = 2 if found["unended"] else 1
    for _ in range(blank):  # the blank line above is ours; a line's end that is needed there is not
        before = text.raw[: start - width]
        if text.raw[:start].endswith(text.end) and (found["unended"] or not before or before.endswith("\n")):
            start -= width
    return Text(text.raw[:start] + text.raw[found.end() :])


def _without_section(text: Text, section: str) -> Text:
    """Without a section that lost its markers: its header, its options, and one blank line behind them."""
    found = re.search(rf"(?m)^\[{section}\][^\n]*\n(?:(?![\[#;\r\n])[^\n]*(?:\n|\Z))*(?:\r?\n)?", text.raw)
    return Text(text.raw[: found.start()] + text.raw[found.end() :]) if found else text


def _leftovers(checkout: Checkout, changes: list[FileChange]) -> list[str]:
    after = {change.name: (change.after or b"").decode("utf-8", "replace") for change in changes}
    names = dict.fromkeys(
        [MODULES_CFG, CORE_CFG, LAUNCHER, *(edit.name for each in patches() for edit in each.edits)]
    )
    texts = {
        name: after[name] if name in after else text.raw if (text := checkout.read(name)) else ""
        for name in names
    }
    return [name for name, text in texts.items() if MARK in text]


def _notes(
    checkout: Checkout, changes: list[FileChange], modules: tuple[str, ...], launcher: bool
) -> list[str]:
    notes = [
        f"Restart in AIL: {', '.join(publishers(checkout, modules))}; they learn of a new subscriber when they start, and send it nothing before."
    ]
    if not launcher and set(modules) - set(launched(checkout)):
        notes.append(
            f"Nothing starts {' and '.join(modules)} yet: add windows to bin/LAUNCH.sh (--launcher), or use the systemd units."
        )
        notes.append("The queue of a subscribed module that does not run grows without end.")
    return [*notes, *dirty_tree(changes)]


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:  # an id without a name
        return str(path.stat().st_uid)
