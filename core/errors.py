"""Every error that leaves this package, in one tree.

A host adapter asks an error one question: try again, or put the picture aside? `retryable` answers it.
Exceptions of Pillow, OpenCV and redis do not leave `image.py` and `store/`; they become one of these.

    DouglasQuaidError
      ImageError                  the picture itself is at fault        not retryable
        UnsupportedImage          not a picture, or a format we do not read
        CorruptImage              a picture whose bytes are broken or cut short
        ImageTooLarge             more bytes or pixels than the operator allows
        EmptyImage                no bytes, or a side of zero pixels
      StoreError                  Redis is away, slow or full           retryable
        StoreUnavailable          cannot be reached, or the connection broke
        StoreTimeout              did not answer within the time allowed
        StoreFull                 refuses writes
      FormatError                 stored bytes cannot be trusted        not retryable
        UnknownVersion            written by a newer version of this program
        CorruptRecord             sizes, magic or checksum do not fit
      ConfigError                 wrong usage or configuration          not retryable
      NotFound                    no such image, occurrence, cluster or collection
"""

from __future__ import annotations


class DouglasQuaidError(Exception):
    """Base of all errors of this package; the message names the input, the limit and the remedy."""

    retryable = False


class ImageError(DouglasQuaidError):
    """The picture cannot be used; the same bytes will fail again."""


class UnsupportedImage(ImageError):
    """The bytes are not a picture, or one in a format that is not read."""


class CorruptImage(ImageError):
    """The bytes start like a picture, but are broken or cut short."""


class ImageTooLarge(ImageError):
    """The picture has more bytes or pixels than the configured limit."""


class EmptyImage(ImageError):
    """There are no bytes, or one side of the picture has zero pixels."""


class StoreError(DouglasQuaidError):
    """The store did not do what was asked; nothing was half-written, and it may work later."""

    retryable = True


class StoreUnavailable(StoreError):
    """The store cannot be reached, or the connection broke."""


class StoreTimeout(StoreError):
    """The store did not answer within the time allowed."""


class StoreFull(StoreError):
    """The store answers, but refuses to write (out of memory, read-only replica, failing disk)."""


class FormatError(DouglasQuaidError):
    """Stored bytes cannot be read; they are never guessed at."""


class UnknownVersion(FormatError):
    """The bytes or the store were written by a newer version of this program."""


class CorruptRecord(FormatError):
    """Magic, sizes or checksum of stored bytes do not fit."""


class ConfigError(DouglasQuaidError):
    """The configuration or the way of calling is wrong; raised before any work starts."""


class NotFound(DouglasQuaidError):
    """The image, occurrence, cluster or collection that was named is not in the store."""
