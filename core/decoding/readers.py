"""Pillow's reader for each format, and what is said where one is not installed."""

import io
from importlib import import_module

from PIL import features
from PIL.ImageFile import ImageFile

from ..errors import UnsupportedImage

#: Module and class of the reader of each format.
READERS = {
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "AVIF": ("PIL.AvifImagePlugin", "AvifImageFile"),
    "HEIF": ("pillow_heif", "HeifImageFile"),
}


def open_picture(data: bytes, format: str) -> ImageFile:
    """Return the file opened by the reader of its format, and of no other; Image.open would try others, and
    apply its own process-wide limit of pixels and warn of it.

    Raises UnsupportedImage if the reader is not installed, and errors of any class.
    """
    if format == "AVIF" and not features.check("avif"):
        raise UnsupportedImage(
            "AVIF, which this Pillow does not read; save the picture as PNG or install a newer Pillow"
        )
    module, name = READERS[format]
    try:
        reader: type[ImageFile] = getattr(import_module(module), name)
    except ImportError:
        raise UnsupportedImage(
            f"{format}, whose decoder is not installed; save the picture as JPEG or PNG, or run"
            " pip install 'douglas-quaid[heif]'"
        ) from None
    return reader(io.BytesIO(data))
