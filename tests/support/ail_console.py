"""Runs in AIL's interpreter: loads AIL's libraries once, and runs each given piece of code in a fork.

A request is a line of JSON on the standard input, the answer one on the standard output. So a piece of code
has a process (and a pid, and modules) of its own, as under AIL's launcher, without the seconds that AIL's
imports take.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import sys
import tempfile
import textwrap
import traceback
from typing import Any


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: sets as sorted lists, bytes as base64."""
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON; give back something simple")


def revive(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["bytes"]) if value.keys() == {"bytes"} else value


def carry_out(code: str, values: dict[str, Any]) -> Any:
    """Run code as the body of a function with these arguments, and return its result."""
    body = textwrap.indent(textwrap.dedent(code), "    ")
    space: dict[str, Any] = {"__name__": "__ail__"}
    exec(compile(f"def code({', '.join(values)}):\n{body}\n", "<code of a test>", "exec"), space)
    return space["code"](**values)


def answer(line: str, out: int) -> None:
    """Answer one request, in the fork."""
    request = json.loads(line, object_hook=revive)
    reply: dict[str, Any] = {}
    try:
        reply["value"] = carry_out(request["code"], request["values"])
    except BaseException:
        reply["error"] = traceback.format_exc()
    logging.shutdown()
    sys.stdout.flush()
    with os.fdopen(out, "w") as pipe:
        json.dump(reply, pipe, default=plain)


def main() -> None:
    modules = os.path.join(os.environ["AIL_BIN"], "modules")
    os.chdir(modules)
    sys.path[0] = modules  # what it is for a module that LAUNCH.sh starts
    sys.path.append(os.environ["AIL_BIN"])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from lib import Duplicate, Tag, correlations_engine  # type: ignore[import-not-found] # noqa: F401
    from modules import abstract_module  # type: ignore[import-not-found] # noqa: F401

    print("ready", file=answers, flush=True)
    while line := sys.stdin.readline():
        reading, writing = os.pipe()
        with tempfile.TemporaryFile("w+") as said:
            child = os.fork()
            if not child:
                os.close(reading)
                os.dup2(said.fileno(), 1)
                os.dup2(said.fileno(), 2)
                answer(line, writing)
                os._exit(0)  # what AIL loads (onnxruntime) waits at exit for threads that a fork has not
            os.close(writing)
            with os.fdopen(reading) as pipe:
                reply = json.loads(pipe.read() or "{}")
            _, status = os.waitpid(child, 0)
            said.seek(0)
            reply |= {"output": said.read(), "status": os.waitstatus_to_exitcode(status)}
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    main()
