"""A scratch AIL for tests, in two forms: a real checkout, and our small double of one.

The real form copies the checkout that $AIL_HOME names and runs it with the interpreter $AIL_PYTHON, which has
AIL's requirements and this package; the double needs neither. The fixtures are in ail_fixtures.py.
"""

from __future__ import annotations

import configparser
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal, cast

from support.ail_process import CodeFailed, Console, Module
from support.ail_servers import Servers, Valkey

DOUBLE = Path(__file__).parents[1] / "ail_double"
OURS = "VisualCorrelation"
# What an AIL in use has gathered, and what it was installed with.
NOT_COPIED = (
    *(
        ".git",
        "AILENV",
        "redis",
        "kvrocks",
        "DATA_KVROCKS",
        "Blooms",
        "PASTES",
        "IMAGES",
        "CRAWLED_SCREENSHOT",
        "FAVICONS",
        "FILES",
        "HASHS",
        "BASE64",
    ),
    *("core.cfg", "logs", "temp", "__pycache__"),
)
#: AIL's modules that are not in bin/modules/<name>.py.
ELSEWHERE = {
    "FeederModuleImporter": "importer.FeederImporter",
    "LacusCaptureModuleImporter": "importer.CrawlerImporter",
    "Crawler": "crawlers.Crawler",
}
ENTRY = """\
#!/usr/bin/env python3
import os
import sys

sys.path.append(os.environ['AIL_BIN'])
from douglas_quaid.ail.VisualCorrelation import {name}

if __name__ == '__main__':
    {name}().run()
"""

Form = Literal["double", "real"]
__all__ = ["AilHome", "CodeFailed", "Form", "Module"]


class AilHome:
    """An AIL_HOME with its own servers, in the scratch folder `folder`."""

    def __init__(self, folder: Path, form: Form, *, git: bool = False) -> None:
        self.folder, self.form = folder, form
        self.home = folder / "ail"
        self.python = os.environ["AIL_PYTHON"] if form == "real" else sys.executable
        source = Path(os.environ["AIL_HOME"]) if form == "real" else DOUBLE
        shutil.copytree(source, self.home, symlinks=True, ignore=shutil.ignore_patterns(*NOT_COPIED))
        if form == "double":
            (self.home / "gitignore").rename(self.home / ".gitignore")
        if git:
            self._make_repository()
        for name in ("logs", "temp"):
            (self.home / name).mkdir(exist_ok=True)
        self.servers = Servers(
            folder / "servers", self.home / "configs" / "core.cfg.sample", apart=form == "real"
        )
        self.store = Valkey(folder / "servers" / "store", durable=True)
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("AIL_", "PYTHON", "DOUGLAS_QUAID"))
            },
            "AIL_HOME": f"{self.home}/",
            "AIL_BIN": f"{self.home}/bin/",
            "AIL_FLASK": f"{self.home}/var/www/",
            "AIL_REDIS": "/usr/bin/",
            "AIL_KVROCKS": "/usr/bin/",
            "AIL_VENV": f"{self.home}/AILENV/",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.modules_cfg, self.core_cfg = (
            self.home / "configs" / "modules.cfg",
            self.home / "configs" / "core.cfg",
        )
        self._modules_at_first = self.modules_cfg.read_text()
        self._added: list[Path] = []
        self._started: list[Module] = []
        self._console: Console | None = None
        self._write_core_cfg()

    def _make_repository(self) -> None:
        self.git("init", "-q", "-b", "master")
        self.git("add", "-A", "-f")
        self.git(
            "-c", "user.name=AIL", "-c", "user.email=ail@example.org", "commit", "-q", "-m", "ail-framework"
        )

    def git(self, *arguments: str) -> str:
        """Return what a git command prints in the checkout."""
        done = subprocess.run(["git", *arguments], cwd=self.home, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> AilHome:
        self.store.launch()
        self.servers.start()
        self.store.ready()
        return self

    # configuration

    def _write_core_cfg(self) -> None:
        config = self.servers.config
        config.remove_section(OURS)
        config[OURS] = {"store": self.store.url}
        with self.core_cfg.open("w") as file:
            config.write(file)

    def configure(self, section: str = OURS, **options: object) -> None:
        """Set options in core.cfg; a module reads them when it starts."""
        config = configparser.ConfigParser()
        config.read(self.core_cfg)
        if section not in config:
            config.add_section(section)
        config[section].update({name: str(value) for name, value in options.items()})
        with self.core_cfg.open("w") as file:
            config.write(file)

    def add_module(
        self, name: str, code: str, *, subscribe: str | None = "Images", publish: str | None = "Tags"
    ) -> None:
        """Add bin/modules/<name>.py and its section in modules.cfg, as an operator adds a module."""
        path = self.home / "bin" / "modules" / f"{name}.py"
        path.write_text(code)
        self._added.append(path)
        queues = {"subscribe": subscribe, "publish": publish}
        lines = [f"[{name}]", *(f"{key} = {value}" for key, value in queues.items() if value)]
        with self.modules_cfg.open("a") as file:
            file.write("\n" + "\n".join(lines) + "\n")

    def add_ours(self, name: str = OURS, *, subscribe: str = "Images") -> None:
        """Add our module without our installer: the smallest entry file and section that work."""
        self.add_module(name, ENTRY.format(name=name), subscribe=subscribe)

    # code in AIL's interpreter

    def run(self, code: str, *, fresh: bool = False, timeout: float = 600, **values: Any) -> Any:
        """Run the body of a function in a process like one of AIL's modules, and return its result. Arguments
        and result are what JSON can hold, bytes and sets.

        fresh: AIL's libraries are loaded anew, after their files changed. Raises CodeFailed.
        """
        if fresh or self._console is None or not self._console.runs:
            self._close_console()
            self._console = Console(self.python, self.environment, self.folder / "console.log")
        return self._console.run(code, values, timeout)

    def _close_console(self) -> None:
        if self._console is not None:
            self._console.close()
            self._console = None

    # modules

    def start_module(self, name: str = OURS, *, folder: str = "modules", **environment: str) -> Module:
        """Start a module as LAUNCH.sh does, and return its process."""
        log = self.folder / f"{name}-{len(self._started)}.log"
        with log.open("wb") as file:
            module = Module(
                [self.python, f"./{name}.py"],
                cwd=self.home / "bin" / folder,
                env=self.environment | environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        module.log = log
        self._started.append(module)
        return module

    def drain(self, *names: str, timeout: float = 600) -> None:
        """Run each of these modules, one after the other, in its own process until its queue is empty."""
        for name in names:
            self.run(
                """
                import importlib
                module = getattr(importlib.import_module(where), name)()
                module.pending_seconds = 0
                idle = module.computeNone
                def stop():
                    idle()
                    module.proceed = False
                module.computeNone = stop
                module.run()
                """,
                name=name,
                where=ELSEWHERE.get(name, f"modules.{name}"),
                timeout=timeout,
            )

    def kill(self) -> None:
        """Kill (-9) all modules that were started, and the processes that they started."""
        for module in self._started:
            if module.poll() is None:
                os.killpg(module.pid, signal.SIGKILL)
                module.wait(30)

    # objects

    def new_image(self, content: bytes) -> str:
        """Make an image as the chat feeders do, and return its global id."""
        return self.new_images([content])[0]

    def new_images(self, contents: list[bytes]) -> list[str]:
        code = (
            "from lib.objects import Images\n"
            "return [Images.create(content, force=True).get_global_id() for content in contents]"
        )
        return cast(list[str], self.run(code, contents=contents))

    def new_screenshot(self, content: bytes, *, domain: str | None = None, item: str | None = None) -> str:
        """Make a screenshot of an item of a domain as the crawler does, and return its global id."""
        code = """
        from lib.objects import Screenshots
        screenshot = Screenshots.create_screenshot(content, b64=False, force=True)
        if item:
            screenshot.add_correlation('item', '', item)
        if domain:
            screenshot.add_correlation('domain', '', domain)
        return screenshot.get_global_id()
        """
        return str(self.run(code, content=content, domain=domain, item=item))

    def path(self, gid: str) -> Path:
        """Return the path of an object's file, whether it exists or not."""
        code = (
            "from lib.objects.ail_objects import get_obj_from_global_id\n"
            "return get_obj_from_global_id(gid).get_filepath()"
        )
        return Path(self.run(code, gid=gid))

    def correlations(self, gid: str, *types: str) -> set[str]:
        """Return the global ids of its correlations (with these types), whether AIL draws them or not."""
        code = """
        from lib.ail_core import get_all_objects
        from lib.objects.ail_objects import get_obj_from_global_id
        obj = get_obj_from_global_id(gid)
        kinds = types or get_all_objects()
        return [f'{kind}:{rest}' for kind in kinds for rest in obj.get_correlation(kind)[kind]]
        """
        return set(self.run(code, gid=gid, types=types))

    def drawn(self, gid: str, *, level: int = 1) -> set[str]:
        """Return the global ids of the nodes of the graph on AIL's page of an object."""
        code = """
        from lib.correlations_engine import get_correlations_graph_nodes_links
        return get_correlations_graph_nodes_links(*gid.split(':', 2), level=level)[1]
        """
        return set(self.run(code, gid=gid, level=level))

    def duplicates(self, gid: str) -> dict[str, list[tuple[str, int]]]:
        """Return (algorithm, score) of each row of AIL's duplicates, by the other id."""
        code = (
            "from lib.objects.ail_objects import get_obj_from_global_id\n"
            "return get_obj_from_global_id(gid).get_duplicates()"
        )
        found = cast(dict[str, list[dict[str, Any]]], self.run(code, gid=gid))
        return {
            other: sorted((row["algo"], row["similarity"]) for row in rows) for other, rows in found.items()
        }

    def tags(self, gid: str) -> set[str]:
        code = (
            "from lib.objects.ail_objects import get_obj_from_global_id\n"
            "return get_obj_from_global_id(gid).get_tags()"
        )
        return set(self.run(code, gid=gid))

    # queues

    def queue(self, gid: str, message: str = "", *, queue: str = "Images", publisher: str = "Global") -> None:
        """Send a message to all subscribers of a queue."""
        self.queue_all([(gid, message)], queue=queue, publisher=publisher)

    def queue_all(
        self, messages: list[tuple[str, str]], *, queue: str = "Images", publisher: str = "Global"
    ) -> None:
        code = """
        from lib.ail_queues import AILQueue
        sender = AILQueue(publisher, 'test')
        for gid, message in messages:
            sender.send_message(gid, message, queue)
        """
        self.run(code, messages=messages, queue=queue, publisher=publisher)

    def messages(self, module: str = OURS) -> list[str]:
        """Return the messages that wait for a module, '<global id>;<message>' each."""
        return cast(list[str], self.redis("Redis_Queues").lrange(f"queue:{module}:in", 0, -1))

    def queue_length(self, module: str = OURS) -> int:
        return int(self.redis("Redis_Queues").llen(f"queue:{module}:in"))

    def in_flight(self, module: str = OURS) -> set[str]:
        """Return the global ids that a module took and has not ended, from AIL's ledger."""
        ledger = self.redis("Redis_Process")
        keys = ledger.scan_iter("obj:modules:*", count=1000)
        return {
            key.removeprefix("obj:modules:")
            for key in keys
            if any(row.startswith(f"{module}:") for row in ledger.zrange(key, 0, -1))
        }

    def heartbeats(self, module: str = OURS) -> dict[int, int]:
        """Return when each process of a module last looked for a message; -1 if it never did."""
        return {
            int(pid): int(epoch)
            for pid, epoch in self.redis("Redis_Queues").hgetall(f"module:{module}").items()
        }

    def redis(self, section: str) -> Any:
        """Return a connection to the server that a section of core.cfg names."""
        return self.servers.client(section)

    # end

    def reset(self, *, store: bool = True) -> None:
        """Restore everything but the servers; without `store`, our store keeps what it has."""
        self.kill()
        self._started.clear()
        for server in [*self.servers.all, *([self.store] if store else [])]:
            server.client().flushall()
        self.modules_cfg.write_text(self._modules_at_first)
        for path in self._added:
            path.unlink(missing_ok=True)
        self._added.clear()
        self._write_core_cfg()
        for name in ("IMAGES", "CRAWLED_SCREENSHOT", "PASTES", "temp"):
            shutil.rmtree(self.home / name, ignore_errors=True)
        (self.home / "temp").mkdir()
        for log in (self.home / "logs").iterdir():  # the console has them open
            log.write_bytes(b"")

    def close(self) -> None:
        self.kill()
        self._close_console()
        self.servers.stop()
        self.store.stop()
