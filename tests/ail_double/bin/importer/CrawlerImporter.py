"""Captures that somebody else made: temp/capture_<uuid>.json for each uuid in the set importer:lacus:capture."""

from __future__ import annotations

import json
import os
import sys

sys.path.append(os.environ["AIL_BIN"])
from importer.abstract_importer import build_queue_messages
from lib.ConfigLoader import ConfigLoader
from lib.crawlers import CaptureImporter
from modules.abstract_module import AbstractModule


class LacusCaptureModuleImporter(AbstractModule):
    def __init__(self):
        super().__init__()
        self.pending_seconds = 5
        self.r_db = ConfigLoader().get_db_conn("Kvrocks_DB")
        self.tmp_dir = os.path.join(os.environ["AIL_HOME"], "temp")

    def get_message(self):
        return self.r_db.spop("importer:lacus:capture")

    def compute(self, capture_uuid):
        path = os.path.join(self.tmp_dir, f"capture_{capture_uuid}.json")
        with open(path) as file:
            capture = json.load(file)
        objs = CaptureImporter().process(capture)
        for obj, rest in build_queue_messages(objs, "lacus_capture", objs[0].get_date() if objs else ""):
            self.add_message_to_queue(obj=obj, message=rest)
        os.remove(path)


if __name__ == "__main__":
    LacusCaptureModuleImporter().run()
