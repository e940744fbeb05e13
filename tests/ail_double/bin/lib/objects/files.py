"""Pictures as files, by the sha256 of their bytes: aa/bb/cc/dd/ee/ff/<the other 52 digits>."""

from __future__ import annotations

import os
from hashlib import sha256
from io import BytesIO

from lib.ail_core import get_default_image_description_model
from lib.objects.abstract_object import AbstractObject

SIZE_LIMIT = 5_000_000  # of three quarters of the length: AIL counts as if the bytes were base64


class FileObject(AbstractObject):
    FOLDER = ""
    EXTENSION = ""

    def exists(self):
        return os.path.isfile(self.get_filepath())

    def get_rel_path(self):
        return os.path.join(*(self.id[place : place + 2] for place in range(0, 12, 2)), self.id[12:]) + self.EXTENSION

    def get_filepath(self):
        """Absolute; None when the id leads out of the folder."""
        folder = self.FOLDER.rstrip("/")
        path = os.path.realpath(os.path.join(folder, self.get_rel_path()))
        return path if os.path.commonpath([path, folder]) == folder else None

    def get_description(self, model=None):
        return self._get_field(f"desc:{model or get_default_image_description_model()}")

    def add_description_model(self, model, description):
        self._set_field(f"desc:{model}", description)

    def get_file_content(self):
        with open(self.get_filepath(), "rb") as file:
            return BytesIO(file.read())


def store(kind, content, size_limit=SIZE_LIMIT, force=False):
    """The object of these bytes, or None when there are too many."""
    if not (len(content) * 3 / 4 <= size_limit or size_limit < 0 or force):
        return None
    obj = kind(sha256(content).hexdigest())
    if not obj.exists():
        os.makedirs(os.path.dirname(obj.get_filepath()), exist_ok=True)
        with open(obj.get_filepath(), "wb") as file:
            file.write(content)
    return obj


def walk(kind):
    """Every object of the folder."""
    for folder, _, names in os.walk(kind.FOLDER):
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), kind.FOLDER)
            yield kind(path.replace("/", "").removesuffix(kind.EXTENSION))
