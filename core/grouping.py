"""Groups of look-alikes among some files, without a store of one's choice: a store of its own is started,
used and removed, so that nothing is kept.

Takes files, gives groups of those that show the same picture, as clusters are made: all members match the
representative, so that a row of pictures, each nearly the next, makes no group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from .batches import grouped, in_groups, in_parallel
from .config import Config
from .engine import Engine
from .errors import DouglasQuaidError, FormatError, ImageError, NotFound
from .inputs import Input
from .records import ImageId
from .store.embedded import given_or_throwaway

#: Images whose clusters are looked up in one round trip. chosen.
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Groups:
    """Files by the picture that they show."""

    #: Groups of two files or more, the largest first; files with the same bytes are in one.
    groups: tuple[tuple[str, ...], ...]
    #: Number of files that are in none.
    alone: int
    #: Why files could not be used, by their paths.
    failed: dict[str, DouglasQuaidError] = field(default_factory=dict)


def group_files(inputs: Sequence[Input], config: Config) -> Iterator[str | Groups]:
    """Yield the path of each file when it was looked at, and at last the groups.

    The store lies in the folder for temporary files and is removed in any case. Raises ConfigError where the
    embedded store is not installed, StoreError.
    """
    with (
        given_or_throwaway(None) as url,
        Engine.open(config=replace(config, store=url, cache="off")) as engine,
    ):
        seen, failed = dict[str, ImageId](), dict[str, DouglasQuaidError]()

        def look(item: Input) -> tuple[str, ImageId | DouglasQuaidError]:
            try:
                return item.path, engine.add(item.read(config.max_bytes), name=item.path).image_id
            except (ImageError, FormatError, NotFound) as error:
                return item.path, error

        for path, found in in_parallel(look, inputs, config.threads):
            if isinstance(found, DouglasQuaidError):
                failed[path] = found
            else:
                seen[path] = found
            yield path
        yield _by_cluster(engine, seen, failed)


def _by_cluster(engine: Engine, seen: dict[str, ImageId], failed: dict[str, DouglasQuaidError]) -> Groups:
    """Equal bytes are one image, and images of one cluster one group; a blank image has no cluster."""
    clusters = dict(_clusters(engine, sorted(set(seen.values()))))
    found = grouped(seen, lambda path: clusters[seen[path]])
    several = [tuple(sorted(paths)) for paths in found.values() if len(paths) > 1]
    several.sort(key=lambda paths: (-len(paths), paths))
    return Groups(tuple(several), sum(len(paths) == 1 for paths in found.values()), failed)


def _clusters(engine: Engine, ids: Iterable[ImageId]) -> Iterator[tuple[ImageId, str]]:
    for some in in_groups(ids, AT_ONCE):
        for image_id, names in zip(some, engine.cluster_names(some), strict=True):
            yield image_id, names[0] if names else image_id
