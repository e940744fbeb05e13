"""What an operator sees of chains: clusters that matches connect and that are not one.

Takes the store, returns pairs of clusters. A picture joins a cluster only if it agrees with the cluster's
representative (store/clusters.lua); where it agrees with another member only, it is a hit and no member. That
is a page that changed step by step, or somebody who tries to join two unrelated pictures: a person can say.
"""

from collections import Counter
from itertools import chain, islice

from ..answers import Chain
from ..records import ImageId
from ..store import Store
from .search import pictures_of

#: Maximum number of pairs that are read. chosen: some seconds; a store with more has a source of its own.
PAIRS_READ = 100_000


def list_chains(store: Store) -> tuple[Chain, ...]:
    """Return all chains, those of most pairs first. Raises StoreError."""
    pairs = sorted(set(islice(chain.from_iterable(store.clusters.chains()), PAIRS_READ)))
    names = iter(pictures_of(store.clusters.ids, [image_id for pair in pairs for image_id in pair]))
    count, example = Counter[tuple[str, str]](), dict[tuple[str, str], tuple[ImageId, ImageId]]()
    for a, b in pairs:
        (name_a, a), (name_b, b) = sorted([(next(names), a), (next(names), b)])
        count[name_a, name_b] += 1
        example.setdefault((name_a, name_b), (a, b))
    found = [Chain(*both, pairs, *example[both]) for both, pairs in count.items()]
    return tuple(sorted(found, key=lambda one: (-one.pairs, one.cluster_a, one.cluster_b)))
