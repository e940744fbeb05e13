"""The bytes of a picture as MISP transports them: base64, and for a malware sample a ZIP archive around them
that is encrypted with the password `infected`.

Sizes are checked before anything is decoded, and no more than the limit is unpacked, whatever size the
archive declares.
"""

import base64
import io
import struct
import time
import zipfile
import zlib

from douglas_quaid import CorruptImage, EmptyImage, ImageTooLarge, UnsupportedImage

#: Password of every malware sample. spec: MISP, AttachmentTool::encrypt.
PASSWORD = b"infected"
#: Ending of the second member, which holds the file name: `<md5>.filename.txt` beside the sample `<md5>`.
#: spec: MISP, AttachmentTool::encrypt.
NAME_MEMBER = ".filename.txt"
#: Bytes that are decrypted between two looks at the clock. measured: Python decrypts about 1.3 MB/s, so a
#: step takes 50 ms.
STEP_BYTES = 64 * 1024
#: Compression methods that MISP uses. Others take memory before a byte is read. spec:
#: AttachmentTool::encrypt.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
#: Maximum number of members of an archive; MISP writes two. chosen.
MAX_MEMBERS = 16


class SampleTooSlow(ImageTooLarge):
    """Raised when the sample cannot be decrypted in the time that is left."""


def decode_attachment(data: str, *, max_bytes: int) -> bytes:
    """Return the bytes of an attachment from its base64.

    Raises EmptyImage without data, ImageTooLarge above `max_bytes`, CorruptImage when it is not base64.
    """
    if not data or not isinstance(data, str):
        raise EmptyImage("the attachment has no data")
    if len(data) // 4 * 3 - 2 > max_bytes:
        raise ImageTooLarge(
            f"the attachment has about {len(data) * 3 // 4:,} bytes, the limit is {max_bytes:,};"
            " raise max_image_mb"
        )
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise CorruptImage(
            f"the data of the attachment is not base64 ({error}); attach the picture again"
        ) from None


def unpack_sample(
    archive: bytes, *, max_bytes: int, until: float | None = None, only_first: int | None = None
) -> bytes:
    """Return the file in a malware sample's archive, or only its first `only_first` bytes.

    `until` is a moment of time.monotonic(). Raises SampleTooSlow when the work takes longer, ImageTooLarge
    for a file above `max_bytes`, UnsupportedImage for an archive that MISP did not make, CorruptImage for one
    that cannot be read or decrypted.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            members = opened.infolist()
            if len(members) > MAX_MEMBERS:
                raise UnsupportedImage(f"the archive holds {len(members)} files; a malware sample holds one")
            files = [
                member
                for member in members
                if not member.is_dir() and not member.filename.endswith(NAME_MEMBER)
            ]
            if len(files) != 1:
                raise UnsupportedImage(f"the archive holds {len(files)} files; a malware sample holds one")
            return _decrypted(opened, files[0], max_bytes, until, only_first)
    except NotImplementedError as error:  # a ZIP feature that Python does not support
        raise UnsupportedImage(
            f"the archive of the malware sample has an unsupported format ({_brief(error)});"
            " attach the sample through MISP"
        ) from None
    except RuntimeError as error:  # what zipfile raises for a wrong password
        raise CorruptImage(
            "the archive of the malware sample does not open with the password “infected”"
            f" ({_brief(error)}); attach the sample through MISP"
        ) from None
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        IndexError,
        OSError,
        ValueError,
        OverflowError,
    ) as error:
        raise CorruptImage(
            f"the archive of the malware sample cannot be read ({_brief(error)}); attach the sample again"
        ) from None


def _decrypted(
    opened: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    max_bytes: int,
    until: float | None,
    only_first: int | None,
) -> bytes:
    if member.compress_type not in METHODS:
        raise UnsupportedImage(
            "the archive of the malware sample is compressed in a way that MISP does not use;"
            " attach the sample through MISP"
        )
    if member.file_size > max_bytes and only_first is None:
        raise ImageTooLarge(
            f"the malware sample has {member.file_size:,} bytes, the limit is {max_bytes:,};"
            " raise max_image_mb"
        )
    data = bytearray()
    with opened.open(member, pwd=PASSWORD) as stream:
        if only_first is not None:
            return stream.read(only_first)
        while part := stream.read(STEP_BYTES):
            data += part
            if len(data) > max_bytes:
                raise ImageTooLarge(
                    f"the malware sample unpacks to more than {max_bytes:,} bytes, the limit;"
                    " raise max_image_mb"
                )
            if until is not None and time.monotonic() > until:
                raise SampleTooSlow(
                    f"the malware sample has {member.file_size:,} bytes, and decrypting it takes longer than"
                    " MISP waits; raise Plugin.Enrichment_timeout, or index it with: quaid misp sync"
                )
    return bytes(data)


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
