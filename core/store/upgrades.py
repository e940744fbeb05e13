"""What an older store lacks, done when it is opened. Each step can be repeated, and several programs may do
it at once; FORMAT.md says what each schema brought.
"""

from collections.abc import Iterator
from contextlib import suppress

from ..batches import in_groups
from ..errors import CorruptRecord
from ..records import ImageId
from . import values
from .clusters import Clusters
from .columns import INFORMATIVE, ColumnReader, ColumnState
from .common_regions import read_note
from .connection import Connection
from .intents import Intents
from .keys import COUNTED, META, as_text, key, on_image, on_meta
from .membership import read_collection, write_collection

#: Oldest schema that is upgraded. Older ones had no judgements, and were never released.
OLDEST = 2
#: Schema of a store that lacks nothing but words as the index reads them: 16 bytes each, of more keypoints.
OLDER_WORDS = 4
#: Images that get a cluster in one step. chosen: some milliseconds of a server's time.
IMAGES_AT_ONCE = 500


def upgrade(connection: Connection, schema: int) -> None:
    """Bring a store of an older schema to `OLDER_WORDS`: only the columns are still as they were, which an
    engine builds anew (integrity/columns.py). What is broken is left out, for self-check to find. Raises
    StoreError.
    """
    with values.noting():
        if schema < 3:
            _represent_clusters(connection)
        _give_clusters(connection)
    connection.ask(on_meta("HSET", "head", "schema", OLDER_WORDS))


def _represent_clusters(connection: Connection) -> None:
    """Schema 3: clusters have representatives.

    A cluster stays together as far as its images are connected; the one with most connections represents it.
    Collections get a checksum. Notes about common regions that have none are removed; linking notes them
    again.
    """
    found = connection.ask(on_meta("SMEMBERS", "clusters"))
    for cluster in sorted(values.cluster_ids(key(META, "clusters"), found)):
        with values.left_out_if_broken():
            Intents(connection).settle("giving a representative to", cluster, "regroup", cluster)
    for name, value in connection.ask(on_meta("HGETALL", "hubs")).items():
        try:  # a store whose schema was damaged has notes of today, which stay
            read_note(as_text(name), value)
        except CorruptRecord:
            connection.ask(on_meta("HDEL", "hubs", name))
    for name, value in connection.ask(on_meta("HGETALL", "collections")).items():
        with suppress(CorruptRecord):  # one that has its checksum, or a broken one, which self-check tells
            collection = read_collection(as_text(name), value, checked=False)
            connection.ask(on_meta("HSET", "collections", name, write_collection(collection)))
    for name in COUNTED:
        fields = connection.ask(on_meta("HLEN", name))
        connection.ask(on_meta("HSET", "head", f"count:{name}", fields))


def _give_clusters(connection: Connection) -> None:
    """Schema 4: each informative image that was linked has a cluster."""
    clusters = Clusters(connection, Intents(connection))
    for ids in in_groups(_informative(connection), IMAGES_AT_ONCE):
        linked = connection.run([on_image("HEXISTS", "img", i, "linked") for i in ids])
        some = [i for i, found in zip(ids, linked, strict=True) if found]
        with values.left_out_if_broken():
            clusters.give(some)


def _informative(connection: Connection) -> Iterator[ImageId]:
    """All informative images, as their rows say."""
    for change, _ in ColumnReader(connection).changes(ColumnState(), words=False):
        for row in change.rows[change.rows["flags"] & INFORMATIVE != 0]:
            yield row["image_id"].tobytes().hex()
