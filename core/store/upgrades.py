"""What an older store lacks, done when it is opened. Each step can be repeated, and several programs may do
it at once; FORMAT.md says what each schema brought.
"""

from contextlib import suppress

from ..errors import CorruptRecord
from . import values
from .connection import Connection
from .intents import Intents
from .keys import COUNTED, META, SCHEMA_VERSION, as_text, key, on_meta
from .membership import read_collection, write_collection

#: Oldest schema that is upgraded. Older ones had no judgements, and were never released.
OLDEST = 2


def upgrade(connection: Connection) -> None:
    """Bring a store of schema 2 to schema 3, in which clusters have representatives.

    A cluster stays together as far as its images are connected; the one with most connections represents it.
    Collections get a checksum. Notes about common regions are removed; linking notes them again. Raises
    StoreError.
    """
    found = connection.ask(on_meta("SMEMBERS", "clusters"))
    for cluster in sorted(values.cluster_ids(key(META, "clusters"), found)):
        Intents(connection).settle("giving a representative to", cluster, "regroup", cluster)
    connection.ask(on_meta("DEL", "hubs"))
    for name, value in connection.ask(on_meta("HGETALL", "collections")).items():
        with suppress(CorruptRecord):  # one that has its checksum, or a broken one, which self-check tells
            collection = read_collection(as_text(name), value, checked=False)
            connection.ask(on_meta("HSET", "collections", name, write_collection(collection)))
    for name in COUNTED:
        fields = connection.ask(on_meta("HLEN", name))
        connection.ask(on_meta("HSET", "head", f"count:{name}", fields))
    connection.ask(on_meta("HSET", "head", "schema", SCHEMA_VERSION))
