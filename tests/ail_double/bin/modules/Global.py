# ruff: noqa: SIM114 - the branches are lines that a patch touches, as they are in AIL
"""Stores what comes in as text, and sends every new object to the queues of its type."""

from __future__ import annotations

import base64
import os
import sys

sys.path.append(os.environ["AIL_BIN"])
from modules.abstract_module import AbstractModule


class Global(AbstractModule):
    def __init__(self):
        super().__init__()
        self.pending_seconds = 0.5

    def compute(self, message, r_result=False):
        if self.obj.type == 'item':
            if message:
                path = self.obj.get_filename()
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "wb") as file:
                    file.write(base64.standard_b64decode(message))
            if self.obj.exists():
                self.add_message_to_queue(obj=self.obj, queue='Item')
                if self.obj.is_crawled():
                    self.add_message_to_queue(obj=self.obj, queue='Indexers')
        elif self.obj.type == 'message':
            self.add_message_to_queue(obj=self.obj, queue='Item')
            self.add_message_to_queue(obj=self.obj, queue='Indexers')
        elif self.obj.type == 'post':
            self.add_message_to_queue(obj=self.obj, queue='Item')
            self.add_message_to_queue(obj=self.obj, queue='Indexers')
        elif self.obj.type == 'ocr':
            self.add_message_to_queue(obj=self.obj, queue='Item')
        elif self.obj.type == 'image':
            self.add_message_to_queue(obj=self.obj, queue='Image', message=message)
            self.add_message_to_queue(obj=self.obj, queue='Images', message=message)
        elif self.obj.type == 'title':
            self.add_message_to_queue(obj=self.obj, queue='Titles', message=message)
            self.add_message_to_queue(obj=self.obj, queue='Indexers', message=message)
        elif self.obj.type == 'file-name':
            self.add_message_to_queue(obj=self.obj, queue='Indexers', message=message)
        elif self.obj.type == 'pdf':
            return None
        else:
            self.logger.critical(f"Empty obj: {self.obj} {message} not processed")
            return None


if __name__ == "__main__":
    Global().run()
