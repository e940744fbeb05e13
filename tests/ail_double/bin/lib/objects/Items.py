"""Texts: gzipped files; a crawled page is crawled/<year>/<month>/<day>/<domain><uuid>."""

from __future__ import annotations

import gzip
import os

from lib import Tag
from lib.ConfigLoader import ITEMS_FOLDER
from lib.objects.abstract_object import AbstractObject


class Item(AbstractObject):
    def __init__(self, id):
        super().__init__("item", id)

    def get_filename(self):
        path = os.path.realpath(os.path.join(ITEMS_FOLDER, self.id))
        return path if path.startswith(ITEMS_FOLDER) else None

    def exists(self):
        return os.path.isfile(os.path.join(ITEMS_FOLDER, self.id))

    def create(self, content, content_type="bytes"):
        os.makedirs(os.path.dirname(self.get_filename()), exist_ok=True)
        with gzip.open(self.get_filename(), "wb") as file:
            file.write(content.encode() if content_type == "str" else content)

    def get_content(self, r_type="str"):
        with gzip.open(self.get_filename(), "rb") as file:
            content = file.read()
        return content.decode() if r_type == "str" else content

    def get_date(self, separator=False):
        date = Tag.item_date(self.id)
        return f"{date[:4]}/{date[4:6]}/{date[6:]}" if separator else date

    def is_crawled(self):
        return self.id.startswith("crawled")

    def get_domain(self):
        return self.id[19:-36]
