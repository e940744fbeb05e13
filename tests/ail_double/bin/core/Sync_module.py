"""The folder that gives AIL its top-level package `core`; takes objects that every module is done with."""

from __future__ import annotations

import os
import sys

sys.path.append(os.environ["AIL_BIN"])
from lib.ail_queues import r_obj_process


def next_processed():
    return r_obj_process.spop("objs:processed")
