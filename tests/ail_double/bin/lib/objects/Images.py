"""Pictures of chats and forums, in whatever format; files without extension."""

from __future__ import annotations

import base64

from lib.ConfigLoader import ConfigLoader
from lib.objects import files
from lib.objects.abstract_object import Dated

IMAGE_FOLDER = ConfigLoader().get_files_directory("images")


class Image(files.FileObject, Dated):
    FOLDER = IMAGE_FOLDER

    def __init__(self, image_id):
        super().__init__("image", image_id)

    def is_gif(self, filepath=None):
        with open(filepath or self.get_filepath(), "rb") as file:
            return file.read(4) == b"GIF8"

    def get_content(self, r_type="str"):
        if r_type == "str":
            return None
        return self.get_file_content().read() if r_type == "bytes" else self.get_file_content()

    def get_meta(self, options=(), flask_context=False):
        meta = {'id': self.id, 'tags': self.get_tags(r_list=True)}
        if 'description' in options:
            meta['description'] = self.get_description()
        return meta


def create(content, size_limit=files.SIZE_LIMIT, b64=False, force=False):
    return files.store(Image, base64.standard_b64decode(content) if b64 else content, size_limit, force)


def get_all_images():
    return [image.id for image in files.walk(Image)]


def get_all_images_objects(filters=None):
    yield from files.walk(Image)
