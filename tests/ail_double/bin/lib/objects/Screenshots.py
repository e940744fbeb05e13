"""Pictures of crawled pages: PNG files, of the dates of the items they were taken of."""

from __future__ import annotations

import base64

from lib.ConfigLoader import ConfigLoader
from lib.objects import files

SCREENSHOT_FOLDER = ConfigLoader().get_files_directory("screenshot")


class Screenshot(files.FileObject):
    FOLDER = SCREENSHOT_FOLDER
    EXTENSION = ".png"

    def __init__(self, screenshot_id):
        super().__init__("screenshot", screenshot_id)

    def get_content(self):
        return self.get_file_content()

    def get_dates(self):
        return ["".join(item.split("/", 4)[1:4]) for item in self.get_correlation("item")["item"] if item.startswith(":crawled")]

    def get_last_seen(self):
        return max(self.get_dates(), default=0)

    def get_meta(self, options=(), flask_context=False):
        meta = {'id': self.id, 'tags': self.get_tags(r_list=True)}
        if 'description' in options:
            meta['description'] = self.get_description()
        return meta


def create_screenshot(content, size_limit=files.SIZE_LIMIT, b64=True, force=False):
    return files.store(Screenshot, base64.standard_b64decode(content) if b64 else content, size_limit, force)


def get_all_screenshots():
    return [screenshot.id for screenshot in files.walk(Screenshot)]


def get_screenshots_obj_iterator(filters=()):
    yield from files.walk(Screenshot)
