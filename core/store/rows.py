"""One row of the columns: what an index needs of an image besides its visual words. Layout in FORMAT.md."""

import numpy as np

#: One row, 72 bytes. `words` counts the row's visual words, 16 bytes each; a dead row is zero but for that
#: count. spec: FORMAT.md.
ROW = np.dtype(
    [
        ("image_id", "u1", 32),
        ("pdq", "u1", 32),
        ("pdq_quality", "u1"),
        ("flags", "u1"),
        ("words", "<u2"),
        ("pdq_version", "u1"),
        ("local_version", "u1"),
        ("reserved", "<u2"),
    ]
)
#: Bit of `flags` that an informative picture has. spec: FORMAT.md.
INFORMATIVE = 1
#: Maximum number of visual words of a row. spec: u16.
MAX_WORDS = 65535


def pack_row(
    image_id: str,
    pdq: bytes,
    *,
    quality: int,
    informative: bool,
    words: int,
    pdq_version: int,
    local_version: int,
) -> bytes:
    """Return the 72 bytes of a row. Raises ValueError for numbers that do not fit."""
    if len(pdq) != 32 or not 0 <= words <= MAX_WORDS:
        raise ValueError(
            f"row of image {image_id}: PDQ of {len(pdq)} bytes and {words} words;"
            f" 32 and at most {MAX_WORDS} fit"
        )
    row = np.zeros(1, ROW)
    row["image_id"] = np.frombuffer(bytes.fromhex(image_id), np.uint8)
    row["pdq"] = np.frombuffer(pdq, np.uint8)
    for name, value in (
        ("pdq_quality", quality),
        ("flags", INFORMATIVE * informative),
        ("pdq_version", pdq_version),
        ("local_version", local_version),
    ):
        if not 0 <= value <= 255:
            raise ValueError(f"row of image {image_id}: {name} is {value}; 0 to 255 fits")
        row[name] = value
    row["words"] = words
    return row.tobytes()
