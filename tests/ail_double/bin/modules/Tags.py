"""Puts on an object the tag that the message is, and passes it on."""

from __future__ import annotations

import os
import sys

sys.path.append(os.environ["AIL_BIN"])
from modules.abstract_module import AbstractModule


class Tags(AbstractModule):
    def compute(self, message):
        self.obj.add_tag(message)
        self.add_message_to_queue(message=message, queue="Tag_feed")


if __name__ == "__main__":
    Tags().run()
