"""Chats; the subtype is the instance (network and protocol)."""

from __future__ import annotations

from lib.objects.abstract_object import Dated


class Chat(Dated):
    def __init__(self, id, subtype):
        super().__init__("chat", id, subtype)
