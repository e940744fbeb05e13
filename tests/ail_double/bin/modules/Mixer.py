"""Takes the feeder's name off an importer's message ('<feeder> <rest>') and passes the rest on."""

from __future__ import annotations

import os
import sys

sys.path.append(os.environ["AIL_BIN"])
from modules.abstract_module import AbstractModule


class Mixer(AbstractModule):
    def __init__(self):
        super().__init__()
        self.pending_seconds = 1

    def compute(self, message):
        words = message.split()
        if len(words) in (1, 2):
            self.add_message_to_queue(obj=self.obj, message=words[1] if len(words) == 2 else "")
        else:
            self.logger.warning(f"Invalid Message: {words} not processed")


if __name__ == "__main__":
    Mixer().run()
