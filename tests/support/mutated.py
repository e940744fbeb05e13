"""A small store with a value of every kind, and mutations of these values."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
import signal
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from PIL import Image

from douglas_quaid import Config, Engine
from douglas_quaid.decision.calibration_file import shipped, write
from douglas_quaid.demo.pictures import sample
from douglas_quaid.description import Description
from douglas_quaid.errors import DouglasQuaidError, NotFound, StoreError
from douglas_quaid.evaluation import edits
from douglas_quaid.extraction.extractor import Extractor
from douglas_quaid.features.picture import Picture
from douglas_quaid.integrity.check import find_problems, mend_store
from douglas_quaid.integrity.finding import Finding
from douglas_quaid.records import CommonRegion, StoredVerdict
from douglas_quaid.store import Store
from douglas_quaid.store.connection import Connection
from douglas_quaid.store.intents import Intent
from douglas_quaid.store.keys import META, on_meta, prefix
from douglas_quaid.store.scripts import COMPACT, FORGET_IMAGE, META_CHANGE
from douglas_quaid.store.values import noting
from douglas_quaid.verification.verify import verify
from support.server import Server

#: Longer side of the pictures in pixels.
SIDE = 200
#: Shards of the pictures: two say as much as sixteen, and a check takes an eighth of the time.
SHARDS = ("3", "c")
#: Seconds of CPU after which an operation counts as hanging, and seconds in all, since a machine may stand
#: still. chosen: a hundred times its usual time; six times that.
SECONDS, WAITING = 20, 120
#: Kinds of mutations of a value.
VALUES = ("flip", "cut", "extend", "empty", "huge", "negative", "encoding", "json", "swap", "field", "remove")
#: Kinds of mutations of a key.
KEYS = ("delete", "type")
#: Outcomes that must not be.
FAULTS = ("silent", "crash", "hang", "unmended")
#: Texts that are JSON, and not what is stored anywhere.
JSON = (b"null", b"[]", b"{}", b"7", b'"text"', b"[[1]]", b'{"a": 1}', b"NaN", b"1e999")


class Hangs(BaseException):
    """Raised when an operation takes longer than it may."""


def picture(shard: str, name: str, edit: str | None = None) -> bytes:
    """Return a sample picture of SIDE pixels, edited, with a comment that gives its id this first digit."""
    opened = edits.opened(sample(f"indexed/{name}"))
    opened = edits.resized(opened, SIDE / max(opened.size))
    return in_shard(shard, edits.png(opened if edit is None else edits.edit(edit, opened)))


def in_shard(shard: str, png: bytes) -> bytes:
    """Return a PNG with a comment that gives its id this first digit."""
    for number in itertools.count():
        text = b"tEXtComment\0%d" % number
        chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
        found = png[:-12] + chunk + png[-12:]
        if hashlib.sha256(found).hexdigest()[0] == shard:
            return found
    raise AssertionError


@contextmanager
def pairs_measured_once() -> Iterator[None]:
    """Measure each pair of pictures once: a record with another content than that of its image is never read,
    so the same two pictures are always the same.
    """
    measured: dict[Any, Any] = {}

    def remembered(query: Picture, reference: Picture, **options: Any) -> Any:
        sides = query.features.image_id, reference.features.image_id, len(reference.features.local)
        found = *sides, *sorted((name, repr(value)) for name, value in options.items() if name != "options")
        if found not in measured:
            measured[found] = verify(query, reference, **options)
        return measured[found]

    with (
        patch("douglas_quaid.search.verified.verify", remembered),
        patch("douglas_quaid.search.context.ignored_regions.verify", remembered),
    ):
        yield


class Remembered:
    """An extractor that decodes each picture once for all engines."""

    def __init__(self, extractor: Extractor) -> None:
        self._extractor = extractor
        self._known: dict[tuple[bytes, bool], Picture] = {}

    def extract(self, data: bytes, *, name: str = "picture", hash_only: bool = False) -> Picture:
        if (data, hash_only) not in self._known:
            self._known[data, hash_only] = self._extractor.extract(data, name=name, hash_only=hash_only)
        return self._known[data, hash_only]

    def close(self) -> None:
        """Stay for the next engine."""


@dataclass
class Small:
    """The store, as it is before any mutation."""

    server: Server
    extractor: Remembered
    ids: list[str]
    queries: list[bytes]
    new: bytes
    #: Key -> its DUMP and its time to live in milliseconds.
    saved: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    #: Key -> its DUMP after everything was asked: a store that is the same answers the same.
    settled: dict[bytes, bytes] = field(default_factory=dict)

    @staticmethod
    def config_of(server: Server) -> Config:
        """Return the settings of all engines."""
        return Config(store=server.url, cache="off", volatile_store=True)

    @property
    def config(self) -> Config:
        """Return the settings of all engines."""
        return self.config_of(self.server)

    def restore(self) -> None:
        """Put every key back."""
        pipeline = self.server.redis.pipeline(transaction=False)
        pipeline.flushall()
        for name, (dump, left) in self.saved.items():
            pipeline.restore(name, max(left, 0), dump)
        pipeline.execute()

    def dumps(self) -> dict[bytes, bytes]:
        """Return the DUMP of each key."""
        names = sorted(self.server.redis.keys("*"))
        pipeline = self.server.redis.pipeline(transaction=False)
        for name in names:
            pipeline.dump(name)
        return dict(zip(names, pipeline.execute(), strict=True))

    @contextmanager
    def engine(self, *, mend: bool = False) -> Iterator[Engine]:
        """Open an engine that knows nothing yet."""
        with Engine.open(config=self.config, mend=mend) as engine:
            engine._extractor = self.extractor  # type: ignore[assignment]
            yield engine


def small_store(server: Server) -> Small:
    """Fill two shards with eight pictures and a value of every kind; more are forgotten, one of them half."""
    one, two = SHARDS
    cat, rocket, market = picture(one, "cat.jpg"), picture(two, "rocket.jpg"), picture(one, "market.png")
    pictures = [
        cat,
        picture(two, "cat.jpg", "jpeg_30"),
        picture(one, "cat.jpg", "resize_50"),
        picture(two, "cat.jpg", "crop_75"),
        rocket,
        picture(one, "rocket.jpg", "jpeg_30"),
        market,
        picture(two, "coffee.jpg"),
    ]
    with Engine.open(config=Small.config_of(server)) as engine:
        remembered = Remembered(engine._extractor)
        _fill_a_chunk(engine)
        engine.create_collection("brands", "baseline")
        engine.create_collection("known", "known")
        engine.create_collection("placeholders", "ignore")
        gone = [
            engine.add(picture(two, name, "jpeg_30"), link=False).image_id
            for name in ("market.png", "coffee.jpg")
        ]
        ids = [
            engine.add(
                data,
                occurrence=f"test:page:{number}",
                labels={"event": str(number)},
                seen=datetime(2026, 1, 1 + number, tzinfo=timezone.utc),
            ).image_id
            for number, data in enumerate(pictures)
        ]
        for number, image_id in enumerate(ids):
            later = datetime(2026, 3, 1 + number, tzinfo=timezone.utc)
            engine.note(image_id, occurrence="test:page:shared", labels={"kind": "shared"}, seen=later)
        engine.add(market, collection="brands", labels={"brand": "Market"})
        engine.add(cat, collection="known", labels={"who": "Ada"})
        engine.add(pictures[7], collection="placeholders")
        engine.veto(ids[0], ids[2], who="ada", source="test")
        engine.confirm(ids[0], ids[3], who="ada", source="test")
        store, connection = engine._store, engine._store.connection
        store.settings.keep_calibration(engine.calibration.id, write(engine.calibration))
        store.settings.set_progress("redecide", f"{shipped().id} {ids[0]}")
        engine.set_bookmark("test:position", "page 7")
        engine.create_key("analysts", ["read"], sees=["host:misp"])
        with TemporaryDirectory() as folder:
            shared = Path(folder, "list.txt")
            shared.write_text(f"pdq {'0f' * 32}\n")
            engine.import_list(str(shared), collection="known", name="shared")
        store.common_regions.note(
            [
                CommonRegion(ids[6], (0.1, 0.1, 0.9, 0.3), 25, 800, shown_by=(ids[7], ids[0])),
                CommonRegion(ids[4], (0.0, 0.5, 1.0, 0.9), 21, 700, shown_by=(ids[5],)),
            ]
        )
        _chain(store, ids, gone[0])
        for image_id in gone:
            engine.forget(image_id)
        verdict = store.verdicts.scored([ids[0]])[0][0]
        intent = Intent(
            "ab" * 16, ids[0], (StoredVerdict(verdict.image_id, verdict.verdict, verdict.judged),)
        )
        connection.ask(META_CHANGE(META, "intend", b"0", intent.intent_id, intent.encode()))
        fence = connection.ask(on_meta("HGET", "head", "fence")) or b"0"
        connection.ask(META_CHANGE(META, "intend", fence, intent.intent_id, intent.encode()))
        half = engine.add(picture(two, "rocket.jpg", "crop_75"), link=False).image_id
        connection.ask(FORGET_IMAGE(half[0], connection.options.chunk_rows, "begin", half))
        store.links.await_link(ids[4])
        connection.ask(on_meta("SET", "lock:test", "elsewhere 1 ab", "PX", 3_600_000))
        store.leases.take([(ids[0], ids[1])], "somebody", seconds=3600)
        store.sessions.open("ab" * 32, seconds=3600)
        assert not connection.ask(COMPACT(one, connection.options.chunk_rows, "0", 1))  # a slice of two
        for data in [*pictures, new := picture(one, "rocket.jpg", "inversion")]:
            remembered.extract(data)
        small = Small(server, remembered, ids, [pictures[3], rocket], new)
        client = server.redis
        kept = [
            prefix(tag).encode() for tag in (*SHARDS, META)
        ]  # in others, forgetting left nothing but fences
        small.saved = {
            name: (client.dump(name), client.pttl(name))
            for name in client.keys("*")
            if name.startswith(tuple(kept))
        }
        engine._extractor = remembered  # type: ignore[assignment]
    small.restore()
    answers(small)
    assert mended(small, []) == []
    small.settled = small.dumps()
    return small


def _fill_a_chunk(engine: Engine) -> None:
    """Leave the first chunk of a shard but two rows full of dead ones."""
    rows = engine._store.connection.options.chunk_rows
    for number in range(rows - 2):
        plain = Image.new("L", (32, 32), number)
        engine.forget(engine.add(in_shard(SHARDS[0], edits.png(plain)), link=False).image_id)


def _chain(store: Store, ids: list[str], leaving: str) -> None:
    """Make four images a row of matches whose representative goes, so that one is kept, and let another
    match its end, so that nobody can represent both.
    """
    match = store.verdicts.scored([ids[4]])[0][0].verdict
    for image_id, others in (
        (leaving, ids[3:7]),
        (ids[6], [ids[5]]),
        (ids[3], [ids[6]]),
        (ids[7], [ids[3]]),
    ):
        store.verdicts.record(image_id, [(other, match) for other in others])


def kind_of(name: bytes) -> str:
    """Return the kind of a key: its name without shard and id."""
    tag, _, local = name.decode().partition("}:")
    return ("meta " if tag.endswith("meta") else "") + local.split(":")[0]


# -- mutations -----------------------------------------------------------------------------------------------


def mutate(client: Any, name: bytes, kind: str, draw: random.Random) -> str | None:
    """Mutate one value under a key, or the key, and return what was done; None where that is impossible."""
    type_found = client.type(name)
    if kind == "delete":
        client.delete(name)
        return "deleted"
    if kind == "type":
        client.delete(name)
        if type_found == b"string":
            client.rpush(name, "x")
        else:
            client.set(name, draw.choice((b"", b"x", b"7")))
        return "another type"
    return {
        b"string": _mutate_string,
        b"hash": _mutate_hash,
        b"set": _mutate_set,
        b"zset": _mutate_zset,
        b"stream": _mutate_stream,
    }[type_found](client, name, kind, draw)


def _bytes(value: bytes, kind: str, draw: random.Random) -> bytes | None:
    if kind == "flip":
        if not value:
            return None
        at = draw.randrange(len(value))
        return value[:at] + bytes([value[at] ^ (1 << draw.randrange(8))]) + value[at + 1 :]
    if kind == "cut":
        return value[: draw.randrange(len(value))] if value else None
    choices = {
        "extend": value + draw.randbytes(draw.choice((1, 4, 16, 64, 72))),
        "empty": b"",
        "huge": draw.choice((b"1000000000000", b"9" * 30, b"9223372036854775807", b"1e308", b"4294967296")),
        "negative": b"-" + (value[:12] if value[:1].isdigit() else b"1"),
        "encoding": draw.choice(
            (b"\xff\xfe", "é".encode("latin-1"), b"\0\0\0", value.decode("latin-1").encode("utf-16"))
        ),
        "json": draw.choice(JSON),
    }
    return choices.get(kind)


def _mutate_string(client: Any, name: bytes, kind: str, draw: random.Random) -> str | None:
    value, left = client.get(name), client.pttl(name)
    new = _bytes(value, kind, draw)
    if kind == "swap":
        others = [other for other in client.keys(b"*}:" + name.split(b":")[2] + b":*") if other != name]
        if not others:
            return None
        other = draw.choice(sorted(others))
        new = client.get(other)
        client.set(other, value, keepttl=True)
    if kind == "remove" and left > 0:  # the time to live
        client.persist(name)
        return "does not expire"
    if new is None or new == value:
        return None
    client.set(name, new, keepttl=True)
    return f"{value[:40]!r} -> {new[:40]!r}"


def _mutate_hash(client: Any, name: bytes, kind: str, draw: random.Random) -> str | None:
    fields = sorted(client.hkeys(name))
    chosen = draw.choice(fields)
    value = client.hget(name, chosen)
    if kind == "remove":
        client.hdel(name, chosen)
        return f"{chosen!r} removed"
    if kind == "swap":
        others = [other for other in fields if other != chosen]
        if not others:
            return None
        other = draw.choice(others)
        client.hset(name, mapping={chosen: client.hget(name, other), other: value})
        return f"{chosen!r} and {other!r} swapped"
    if kind == "field":
        new = _bytes(chosen, draw.choice(VALUES[:8]), draw)
        if new is None or new in fields:
            return None
        client.hdel(name, chosen)
        client.hset(name, new, value)
        return f"field {chosen!r} -> {new!r}"
    new = _bytes(value, kind, draw)
    if new is None or new == value:
        return None
    client.hset(name, chosen, new)
    return f"{chosen!r}: {value[:60]!r} -> {new[:60]!r}"


def _mutate_set(client: Any, name: bytes, kind: str, draw: random.Random) -> str | None:
    members = sorted(client.smembers(name))
    chosen = draw.choice(members)
    new = _bytes(chosen, draw.choice(VALUES[:8]) if kind == "field" else kind, draw)
    if kind != "remove" and (new is None or new in members):
        return None
    client.srem(name, chosen)
    if new is not None and kind != "remove":
        client.sadd(name, new)
    return f"{chosen!r} -> {new!r}"


def _mutate_stream(client: Any, name: bytes, kind: str, draw: random.Random) -> str | None:
    entries = client.xrange(name)
    if not entries:
        return None
    entry, fields = draw.choice(entries)
    chosen = fields[b"id"]
    new = _bytes(chosen, draw.choice(VALUES[:8]) if kind == "field" else kind, draw)
    if kind != "remove" and new is None:
        return None
    client.xdel(name, entry)
    if new is not None and kind != "remove":
        client.xadd(name, {"id": new})
    return f"{chosen!r} -> {new!r}"


def _mutate_zset(client: Any, name: bytes, kind: str, draw: random.Random) -> str | None:
    members = sorted(client.zrange(name, 0, -1))
    chosen = draw.choice(members)
    score = client.zscore(name, chosen)
    scores = {
        "huge": 1e300,
        "negative": -score - 1,
        "json": float("inf"),
        "encoding": score + 0.5,
        "empty": 0.0,
    }
    if kind in scores:
        if scores[kind] == score:
            return None
        client.zadd(name, {chosen: scores[kind]})
        return f"{chosen!r}: {score} -> {scores[kind]}"
    new = _bytes(chosen, draw.choice(("flip", "cut", "extend")) if kind in ("field", "swap") else kind, draw)
    client.zrem(name, chosen)
    if new is not None and kind != "remove":
        client.zadd(name, {new: score})
    return f"{chosen!r} -> {new!r}"


# -- what is asked, and what became of it --------------------------------------------------------------------


@dataclass
class Outcome:
    """What a mutation did."""

    #: equal; told; told, words lost (labels or times); told, less after repair; other (another well-formed
    #: label, time or name); or a fault: silent, crash, hang, unmended.
    what: str
    #: More about it.
    detail: str = ""


def answers(small: Small) -> dict[str, Any]:
    """Return what the store says to all questions; an error of ours is an answer too."""
    found: dict[str, Any] = {}

    def ask(name: str, work: Any) -> None:
        try:
            found[name] = work()
        except DouglasQuaidError as error:
            if type(error) is StoreError:
                raise AssertionError(f"unclassified: {error}") from error
            found[name] = f"{type(error).__name__}: {error}"

    try:
        with noting() as problems, small.engine() as engine:
            for number, data in enumerate(small.queries):
                ask(f"query {number}", lambda data=data: engine.query(data).to_json() | {"seconds": 0})
            for image_id in small.ids:
                ask(f"hits {image_id}", lambda i=image_id: [hit.to_json() for hit in engine.hits(i)])
                ask(f"show {image_id}", lambda i=image_id: _description(engine, i))
            ask("at", lambda: [hit.to_json() for hit in engine.hits("test:page:shared", elsewhere=True)])
            ask("stats", lambda: _counts(engine))
            ask(
                "collections",
                lambda: [
                    (c.name, c.purpose.value, engine.collection_size(c.name)) for c in engine.collections()
                ],
            )
            ask("hubs", lambda: [hub.to_json() for hub in engine.hubs()])
            ask("bookmark", lambda: engine.bookmark("test:position"))
    except DouglasQuaidError as error:
        if type(error) is StoreError:
            raise AssertionError(f"unclassified: {error}") from error
        found["open"] = f"{type(error).__name__}: {error}"
    if problems:
        found["problems"] = problems
    return found


def _description(engine: Engine, image_id: str) -> dict[str, Any]:
    found = engine.show(image_id)
    assert isinstance(found, Description)
    return found.to_json()


def _counts(engine: Engine) -> dict[str, Any]:
    line = engine.stats().to_json()
    names = ("images", "occurrences", "clusters", "collections", "images_searchable", "calibration_id")
    return {name: line[name] for name in names}


#: Keys of an answer whose values are labels, times or names: what people and adapters wrote.
SAID = {
    "labels",
    "occurrence_labels",
    "first_seen",
    "last_seen",
    "first_shown",
    "last_shown",
    "occurrences",
    "occurrence",
    "who",
}


def without_what_was_said(value: Any) -> Any:
    """Return an answer without labels, times and names, and so without their order."""
    if isinstance(value, dict):
        return {k: without_what_was_said(v) for k, v in value.items() if k not in SAID}
    if isinstance(value, list | tuple):
        return [without_what_was_said(one) for one in value]
    return value


def said_only(name: str, given: Any, expected: Any) -> bool:
    """Return whether two answers differ only in labels, times and names."""
    return name == "bookmark" or without_what_was_said(given) == without_what_was_said(expected)


def writes(small: Small) -> None:
    """Add a new picture and forget another; raises what is not an error of ours."""
    works: tuple[Callable[[Engine], object], ...] = (
        lambda engine: engine.add(small.new, occurrence="test:page:new"),
        lambda engine: engine.add(small.queries[0], occurrence="test:page:again"),
        lambda engine: engine.forget(small.ids[5]),
    )
    for work in works:
        try:
            with small.engine(mend=True) as engine:
                work(engine)
        except DouglasQuaidError as error:
            if type(error) is StoreError:
                raise AssertionError(f"unclassified: {error}") from error


@contextmanager
def deadline() -> Iterator[None]:
    """Raise Hangs when the block takes longer than it may."""

    def up(number: int, frame: object) -> None:
        raise Hangs

    timers = (
        (signal.SIGPROF, signal.ITIMER_PROF, SECONDS),
        (signal.SIGALRM, signal.ITIMER_REAL, WAITING),
    )
    before = [signal.signal(number, up) for number, _, _ in timers]
    for _, timer, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def outcome(small: Small, expected: dict[str, Any], *, writing: bool) -> Outcome:
    """Ask the mutated store, check it and mend it, and return what became of the mutation."""
    step = "asked"
    try:
        with deadline():
            given = answers(small)
        problems, left = list[Finding](), list[Finding]()
        if writing:
            step = "checked"
            with deadline():
                problems = check(small)
            step = "written"
            with deadline():
                writes(small)
        if problems or not writing:
            step = "mended"
            with deadline():
                left = mended(small, problems if not writing else None)
            problems += () if writing else left
        if not problems:
            if given == expected:
                return Outcome("equal")
            changed = sorted(name for name in expected if given.get(name) != expected[name])
            same = all(said_only(name, given.get(name), expected[name]) for name in changed)
            shown = json.dumps([changed, *((given.get(k), expected[k]) for k in changed[:1])], default=str)
            return Outcome("other" if same else "silent", shown[:1500])
        if any(finding.mend is not None for finding in left):
            return Outcome("unmended", f"{[str(finding) for finding in left]}"[:600])
        step = "asked again"
        with deadline():
            after = expected if small.dumps() == small.settled else answers(small)
        told = f"{[str(problem) for problem in problems]}"[:400]
        if writing or left:
            return Outcome("told", told)
        changed = [name for name in expected if after.get(name) != expected[name]]
        plain = [name for name in changed if not said_only(name, after.get(name), expected[name])]
        what = "told" if not changed else "told, less after repair" if plain else "told, words lost"
        return Outcome(what, f"{told} {plain}"[:600])
    except Hangs:
        return Outcome("hang", step)
    except (NotFound, AssertionError, Exception) as error:  # whatever it is, it is what is looked for
        return Outcome("crash", f"{step}: {type(error).__name__}: {error}"[:600])


def check(small: Small) -> list[Finding]:
    """Return what self-check finds."""
    with Store(Connection(small.config)) as store:
        return find_problems(store)


def mended(small: Small, told: list[Finding] | None = None) -> list[Finding]:
    """Run self-check --repair, and return what is left. With a list for what is mended, a walk counts by
    itself, as nobody else writes.
    """
    tell = (lambda finding: None) if told is None else told.append
    with Store(Connection(small.config)) as store:
        return mend_store(store, tell, alone=told is not None)
