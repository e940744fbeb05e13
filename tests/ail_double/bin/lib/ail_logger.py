"""Python's logging, set up from configs/logging.json: WARNING and above to logs/<name>.log, INFO and above to stdout."""

from __future__ import annotations

import json
import os


def get_config(name=None):
    with open(os.path.join(os.environ["AIL_HOME"], "configs", "logging.json")) as file:
        config = json.load(file)
    config["handlers"]["file"]["filename"] = os.path.join(os.environ["AIL_HOME"], "logs", f"{name or 'ail'}.log")
    return config
