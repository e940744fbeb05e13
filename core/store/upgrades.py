"""What an older store lacks, done when it is opened. Each step can be repeated, and several programs may do
it at once; FORMAT.md says what each schema brought.
"""

import secrets

from . import values
from .connection import Connection
from .intents import Intents, Interrupted
from .keys import META, SCHEMA_VERSION, key, on_meta

#: Oldest schema that is upgraded. Older ones had no judgements, and were never released.
OLDEST = 2


def upgrade(connection: Connection) -> None:
    """Bring a store of schema 2 to schema 3, in which clusters have representatives.

    A cluster stays together as far as its images are connected; the one with most connections represents it.
    Raises StoreError.
    """
    found = connection.ask(on_meta("SMEMBERS", "clusters"))
    for cluster in sorted(values.cluster_ids(key(META, "clusters"), found)):
        _represent(Intents(connection), cluster)
    connection.ask(on_meta("HSET", "head", "schema", SCHEMA_VERSION))


def _represent(intents: Intents, cluster: str) -> None:
    for fences in intents.attempts("giving a representative to", cluster, [META]):
        try:
            intents.meta("regroup", fences, secrets.token_hex(16), cluster)
            return
        except Interrupted:
            continue
