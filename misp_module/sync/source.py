"""Pictures that were seen in a MISP, read from it again for `quaid reextract`.

The environment names the MISP as for `quaid misp sync`: MISP_URL and MISP_KEY. Nothing is requested from any
other.
"""

from __future__ import annotations

import os
from threading import Lock

from douglas_quaid import NotFound, Sighting

from ..attributes import is_uuid
from .attribute import Attribute
from .client import Client, MispAway, MispRefused, Patience
from .index import picture_bytes


class MispSource:
    """The attributes of one MISP. Several threads may read; one request is sent at a time."""

    def __init__(self, url: str, key: str, *, patience: Patience | None = None) -> None:
        """Read from the MISP at this base URL, with the key of a user; connected when it is first asked."""
        self._url, self._key, self._patience = url.rstrip("/"), key.strip(), patience
        self._lock = Lock()
        self._client: Client | None = None
        self._problem: MispAway | MispRefused | None = None

    def read(self, sighting: Sighting, *, max_bytes: int) -> bytes:
        """Return the bytes of an attribute's picture.

        Raises NotFound when this MISP does not have it, ImageError when it is too large or cannot be
        unpacked, and MispRefused or MispAway: a MISP that refuses or is away is not asked again.
        """
        uuid = sighting.occurrence.id
        if sighting.occurrence.kind != "attribute" or not is_uuid(uuid):
            raise NotFound("not an attribute of a MISP")
        if sighting.labels.get("misp", self._url) != self._url:
            raise NotFound(f"belongs to another MISP than {self._url}, which MISP_URL names")
        for attribute in self._files(uuid.lower()):
            if attribute.uuid == uuid.lower() and attribute.data and not attribute.deleted:
                return picture_bytes(attribute, max_bytes=max_bytes)
        raise NotFound(f"{self._url} does not have this file, or does not show it")

    def _files(self, uuid: str) -> list[Attribute]:
        with self._lock:
            if self._problem is not None:
                raise self._problem
            try:
                self._client = self._client or Client(self._url, self._key, patience=self._patience)
                return self._client.files([uuid])
            except (MispAway, MispRefused) as error:
                self._problem = error
                raise


def open_source() -> MispSource | None:
    """Return the source of the MISP that the environment names; None if it names none."""
    url, key = os.environ.get("MISP_URL"), os.environ.get("MISP_KEY")
    return MispSource(url, key) if url and key else None
