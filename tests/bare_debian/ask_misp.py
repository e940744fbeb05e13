"""Sends the requests of a MISP to a running misp-modules: the list of modules, then a hover.

    ask_misp.py URL ATTRIBUTE_UUID [PICTURE]     with PICTURE: an enrichment, too, whose answer must name the
                                                 image that the store knows

Only the standard library is used.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any
from urllib import request

MODULE = "image_correlation"


def ask(url: str, body: dict[str, Any] | None = None) -> Any:
    direct = request.build_opener(request.ProxyHandler({}))  # the proxies of the machine lead elsewhere
    data = None if body is None else json.dumps(body).encode()
    with direct.open(
        request.Request(url, data, {"Content-Type": "application/json"}), timeout=60
    ) as response:
        return json.load(response)


def main(url: str, uuid: str, *pictures: str) -> None:
    modules = {module["name"]: module for module in ask(f"{url}/modules")}
    print(f"GET /modules: {len(modules)} modules")
    if MODULE not in modules:
        raise SystemExit(f"{MODULE} is not among them")
    print(
        f"  {MODULE} {modules[MODULE]['meta']['version']}: {modules[MODULE]['meta']['module-type']}, "
        f"input {modules[MODULE]['mispattributes']['input']}"
    )
    attribute = {"uuid": uuid, "type": "attachment", "category": "External analysis", "value": "picture.png"}
    questions = {"hover": {"module": MODULE, "attribute": attribute, "config": {}}}
    for picture in pictures:
        data = base64.b64encode(Path(picture).read_bytes()).decode()
        questions["enrichment"] = {
            "module": MODULE,
            "event_id": "1",
            "timeout": 30,
            "config": {},
            "attribute": {**attribute, "data": data},
        }
    for name, question in questions.items():
        answer = ask(f"{url}/query", question)
        print(f"{name}: {json.dumps(answer, indent=1)[:2000]}")
        if "error" in answer or not answer.get("results"):
            raise SystemExit(f"the {name} got no answer")


if __name__ == "__main__":
    main(*sys.argv[1:])
