"""The feature store: what is known about every image, in Redis or Valkey, the single source of truth. Start
reading in store.py.

The key table is in keys.py, stored bytes are in FORMAT.md, and intents.py says how changes that span shards
survive a crash.
"""

from ..records import ForgetReport, RecordOutcome, StoreStats
from .columns import ROW, ColumnReader, ColumnState, ShardChange
from .images import NewImage, PutStatus
from .options import StoreOptions
from .store import Scope, Store
from .verdict_sides import JOINING, joins

__all__ = [
    "JOINING",
    "ROW",
    "ColumnReader",
    "ColumnState",
    "ForgetReport",
    "NewImage",
    "PutStatus",
    "RecordOutcome",
    "Scope",
    "ShardChange",
    "Store",
    "StoreOptions",
    "StoreStats",
    "joins",
]
