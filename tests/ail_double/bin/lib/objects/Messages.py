"""Messages of chats: <chat's instance>/<epoch>/<chat>/<message>."""

from __future__ import annotations

from lib.objects.abstract_object import AbstractObject


class Message(AbstractObject):
    def __init__(self, id):
        super().__init__("message", id)

    def create(self, content):
        self._set_field("content", content)


def create_obj_id(chat_instance, chat_id, message_id, timestamp):
    return f"{chat_instance}/{timestamp}/{chat_id}/{message_id}"
