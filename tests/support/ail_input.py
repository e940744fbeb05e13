"""What comes into an AIL from outside: the JSON of a chat feeder and of a capture."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json

from support.ail_host import AilHome


def feed(ail: AilHome, content: bytes, *, message: int, chat: int = 123456) -> str:
    """Send a picture of a chat to AIL's importers, as ail-feeder-telegram does. Returns the image's id."""
    document = {
        "source": "ail_feeder_telegram",
        "source-uuid": "9cde0855-248b-4439-b964-0495b9b2b8bb",
        "data": base64.b64encode(gzip.compress(content)).decode(),
        "data-sha256": hashlib.sha256(content).hexdigest(),
        "meta": {
            "type": "image",
            "id": message,
            "chat": {"id": chat, "name": "a chat"},
            "date": {"timestamp": 1782900000.0},
            "sender": {"id": 5684, "username": "someone"},
        },
    }
    ail.run(
        "from importer.FeederImporter import add_json_feeder_to_queue\nadd_json_feeder_to_queue(document)",
        document=document,
    )
    return f"image::{hashlib.sha256(content).hexdigest()}"


def capture(
    ail: AilHome, content: bytes, *, url: str, html: str = "<html><body><p>x</p></body></html>"
) -> str:
    """Leave a capture of a page, as Lacus makes it, for AIL's importer. Returns the screenshot's id."""
    name = hashlib.sha256(url.encode() + content).hexdigest()[:32]
    document = {
        "status": "done",
        "last_redirected_url": url,
        "html": html,
        "png": base64.b64encode(content).decode(),
    }
    (ail.home / "temp" / f"capture_{name}.json").write_text(json.dumps(document))
    ail.redis("Kvrocks_DB").sadd("importer:lacus:capture", name)
    return f"screenshot::{hashlib.sha256(content).hexdigest()}"
