"""Every error that leaves this package, in one tree.

An adapter needs to know one thing about an error: try again later, or set the picture aside? `retryable`
tells. Exceptions of Pillow and OpenCV do not leave `decoding/`, and those of redis do not leave `store/`:
they become one of these.

    DouglasQuaidError
      ImageError                  the picture itself is at fault         not retryable
        UnsupportedImage          not a picture, or an unsupported format
        CorruptImage              a picture whose bytes are broken or incomplete
        ImageTooLarge             more bytes or pixels than the operator allows
        EmptyImage                no bytes, or a side of zero pixels
      StoreError                  the store is away, slow or full        retryable
        StoreUnavailable          cannot be reached, or the connection broke
        StoreTimeout              did not respond within the time allowed
        StoreFull                 refuses writes
        ServiceBusy               the service has no slot free, or the key's rate is used up
      FormatError                 stored bytes cannot be trusted         not retryable
        UnknownVersion            written by another version of this program
        CorruptRecord             wrong sizes, magic or checksum
      ConfigError                 wrong usage or configuration           not retryable
        NotAllowed                the store's user, or the key, lacks a right
        KeyRefused                the service does not know the key, or wants one
      NotFound                    the image, occurrence, cluster or collection does not exist
"""


class DouglasQuaidError(Exception):
    """Base of all errors of this package. The message names the input, the limit and the remedy."""

    #: Whether the same call may succeed later.
    retryable = False


class ImageError(DouglasQuaidError):
    """Raised when the picture cannot be used; the same bytes will fail again."""


class UnsupportedImage(ImageError):
    """Raised when the bytes are not a picture, or a picture in an unsupported format."""


class CorruptImage(ImageError):
    """Raised when the bytes begin like a picture, but are broken or incomplete."""


class ImageTooLarge(ImageError):
    """Raised when the picture has more bytes or pixels than the configured limit."""


class EmptyImage(ImageError):
    """Raised when there are no bytes, or one side of the picture has zero pixels."""


class StoreError(DouglasQuaidError):
    """Raised when the store did not do what it was told to. Nothing is half-written, and it may
    work later.
    """

    #: Whether the same call may succeed later.
    retryable = True


class StoreUnavailable(StoreError):
    """Raised when the store cannot be reached, or the connection broke."""


class StoreTimeout(StoreError):
    """Raised when the store did not respond within the time allowed."""


class StoreFull(StoreError):
    """Raised when the store responds, but refuses to write: out of memory, read-only replica,
    failing disk.
    """


class ServiceBusy(StoreError):
    """Raised when a service has no slot free, or the rate of a key is used up."""


class FormatError(DouglasQuaidError):
    """Raised when stored bytes cannot be read. They are never interpreted by guessing."""


class UnknownVersion(FormatError):
    """Raised when the bytes or the store were written by another version of this program."""


class CorruptRecord(FormatError):
    """Raised when the magic, the sizes or the checksum of stored bytes are wrong."""


class ConfigError(DouglasQuaidError):
    """Raised when the configuration or a call is wrong, before any work starts."""


class NotAllowed(ConfigError):
    """Raised when the server of the store does not let this user do something, or a service does not let this
    key do it.
    """


class KeyRefused(ConfigError):
    """Raised when a service does not know the key, the key has ended, or one is missing."""


class NotFound(DouglasQuaidError):
    """Raised when the named image, occurrence, cluster or collection is not in the store."""
