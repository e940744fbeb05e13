"""What chat feeders post as JSON: pictures of a message of a chat."""

from __future__ import annotations

import base64
import datetime
import gzip
import json
import os
import sys

sys.path.append(os.environ["AIL_BIN"])
from importer.abstract_importer import build_queue_messages
from lib.ConfigLoader import ConfigLoader
from lib.objects import Images, Messages
from lib.objects.Chats import Chat
from modules.abstract_module import AbstractModule

TELEGRAM = "00098785-7e70-5d12-a120-c5cdc1252b2b"  # what AIL makes of the network's name

r_db = ConfigLoader().get_db_conn("Kvrocks_DB")


def add_json_feeder_to_queue(json_data):
    return r_db.rpush("importer:feeder", json.dumps(json_data))


class FeederModuleImporter(AbstractModule):
    def __init__(self):
        super().__init__()
        self.pending_seconds = 5

    def get_message(self):
        return r_db.lpop("importer:feeder")

    def compute(self, message):
        data = json.loads(message)
        meta = data["meta"]
        instance, epoch = TELEGRAM, int(meta["date"]["timestamp"])
        date = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y%m%d")
        chat = Chat(str(meta["chat"]["id"]), instance)
        chat.update_daterange(date)
        text = Messages.Message(Messages.create_obj_id(instance, chat.id, meta["id"], epoch))
        text.create("")
        text.add_correlation("chat", instance, chat.id)
        objs = [chat, text]
        image = Images.create(gzip.decompress(base64.b64decode(data["data"]))) if meta["type"] == "image" else None
        if image:
            image.add(date, text)
            image.add(date, chat)
            for obj in (image, text):
                obj.add_correlation("user-account", instance, str(meta["sender"]["id"]))
            objs.append(image)
        for obj, rest in build_queue_messages(objs, data["source"].removeprefix("ail_feeder_"), date):
            self.add_message_to_queue(obj=obj, message=rest)


if __name__ == "__main__":
    FeederModuleImporter().run()
