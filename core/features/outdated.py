"""Which stored features other rules made than those of this version, so that extracting the picture again may
give others; and whether it did.
"""

from dataclasses import astuple, fields, replace

from ..decoding.revision import DECODING_REVISION
from ..records import FamilyVersions, ImageFeatures
from . import CURRENT, codec

#: Name of all versions and of the decoding revision together.
STAMP = ".".join(map(str, (DECODING_REVISION, *astuple(CURRENT))))
#: Name under which a decoding revision is outdated.
DECODING = "decoding"
#: Formats of which revision 2 reads no kind otherwise, unless a picture is not informative.
#: spec: decoding/revision.py.
READ_ALIKE = frozenset({"JPEG"})


def outdated(features: ImageFeatures) -> tuple[str, ...]:
    """Return the families whose extractor has another version now, and DECODING if the picture is of a kind
    that is decoded otherwise since then; empty for a record that is as good as a new one.

    A family that was left out (version 0) is not outdated, but a palette that an earlier program did not make
    is. A record does not say whether a picture is transparent: whether its pixels changed is known when it
    has been extracted again.
    """
    families = [
        field.name
        for field in fields(FamilyVersions)
        if getattr(features.versions, field.name) not in (0, getattr(CURRENT, field.name))
    ]
    if features.thumbnail is not None and not features.versions.palette:
        families.append("palette")
    may_differ = features.format not in READ_ALIKE or features.frames > 1 or not features.informative
    if features.decoding < DECODING_REVISION and may_differ:
        families.append(DECODING)
    return tuple(families)


def is_same(before: ImageFeatures, after: ImageFeatures) -> bool:
    """Return whether both say the same of a picture, whatever the revision by which it was decoded."""
    return codec.encode(replace(before, decoding=after.decoding)) == codec.encode(after)
