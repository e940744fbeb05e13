"""Which types of object there are."""

from __future__ import annotations

AIL_OBJECTS_WITH_SUBTYPES = {"chat", "chat-subchannel", "cryptocurrency", "forum", "forum-thread", "pgp", "subforum", "user-account", "username"}
AIL_OBJECTS = AIL_OBJECTS_WITH_SUBTYPES | {
    "author", "barcode", "chat-thread", "cookie-name", "cve", "decoded", "dom-hash", "domain", "etag", "favicon", "file-name", "gtracker", "hhhash",
    "image", "ip", "item", "mail", "message", "ocr", "pdf", "post", "qrcode", "screenshot", "ssh-key", "title",
}  # fmt: skip
AIL_OBJS_QUEUES = {"barcode", "decoded", "file-name", "image", "item", "message", "ocr", "pgp", "post", "qrcode", "screenshot", "title"}


def get_all_objects():
    return AIL_OBJECTS


def get_obj_queued():
    return AIL_OBJS_QUEUES


def get_default_image_description_model():
    return "a-model"
