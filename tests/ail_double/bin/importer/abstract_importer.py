"""From what an importer made of its input to messages for the Mixer."""

from __future__ import annotations

import base64
import gzip


def build_queue_messages(objs, name, date, content=None):
    """(object, '<feeder> <rest>') for each object."""
    for obj in objs:
        if obj.type == "item" and not obj.exists():
            yield obj, f"{name} {base64.b64encode(gzip.compress(content)).decode()}"
        elif obj.type == "image":
            yield obj, f"{name} {date}"
        elif obj.type != "chat" and obj.exists():
            yield obj, name
