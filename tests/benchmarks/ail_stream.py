"""What does an analyst get to see of a stream in which most pictures are copies of a few?

Of the objects, 80 % are copies of 20 templates, each with a small picture of its own and on its own onion;
8 % show a part of a template's page, 4 % are captures of a page that was there already, on its own domain,
and 8 % are of nothing else. They pass the module in random order. Then passes are made until one changes
nothing.

Must: of the copies after the first match across domains of their template at most one in twenty is tagged;
lines and tags of every object are what is desired, and AIL has these lines and no others; another pass
changes nothing; the note of every object with a line or a tag names each partner and a reason.

$AIL_HOME and $AIL_PYTHON name a real checkout and its interpreter; without them the tests' double is
measured.

    python -m benchmarks.ail_stream [--objects 600] [--templates 20] [--seed 1] [--sample]
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from support.ail_host import AilHome
from support.pictures import page, png

from . import report

MOST_TAGGED = 0.05
ROUNDS = 6

#: Passes until nothing moves, then what stands: for each object its entry, its lines and tags in AIL, whether
#: it is what is desired, and its note.
PASSES = """
from pathlib import Path
from douglas_quaid import Engine
from douglas_quaid.ail.cli.ail_sink import open_sink
from douglas_quaid.ail.config import Locations, Settings
from douglas_quaid.ail.publishing.desired import desired
from douglas_quaid.ail.publishing.ledger import read_entry, written_objects
from douglas_quaid.ail.publishing.publisher import Publisher
from douglas_quaid.ail.publishing.store_view import StoreView
from douglas_quaid.ail.servers import AilServers
from lib.objects.ail_objects import get_obj_from_global_id as get

settings, changed, found = Settings.read(home), [], {}
with Engine.open(settings.store) as engine, AilServers(Locations.read(home)) as servers:
    sink = open_sink(Path(home), servers)
    publisher = Publisher(engine, sink, settings)
    while not changed or (changed[-1] and len(changed) < rounds):
        changed.append(publisher.sweep())
    for obj in sorted(written_objects(engine)):
        entry, shown = read_entry(engine, obj), get(obj.gid)
        found[obj.gid] = {
            "is_desired": desired(StoreView(engine, settings, obj), entry) == entry and entry.settled,
            "lines": [line.other.gid for line in entry.correlations],
            "about": [tag.about for tag in entry.tags],
            "tags": [tag.name for tag in entry.tags],
            "correlated": [
                f"{kind}:{name}"
                for kind in ("image", "screenshot")
                for name in shown.get_correlation(kind).get(kind, ())
            ],
            "note": shown._get_field("desc:douglas-quaid") or "",
        }
return changed, found
"""


@dataclass(frozen=True)
class Sent:
    """One object of the stream."""

    #: Its global id.
    gid: str
    #: Number of its template; None for a picture that is of none.
    template: int | None
    #: clone, part, again or other.
    kind: str


def main() -> int:
    parser = report.arguments(__doc__, pictures=False)
    parser.add_argument("--objects", type=int, default=600)
    parser.add_argument("--templates", type=int, default=20)
    options = parser.parse_args()
    if options.sample:
        options.objects, options.templates = 60, 4
    form = "real" if os.environ.get("AIL_HOME") and os.environ.get("AIL_PYTHON") else "double"
    report.heading(
        f"AIL: a stream of {options.objects:,} objects, {options.templates} templates, "
        f"{'a real checkout' if form == 'real' else 'the double'}",
        options,
    )
    with tempfile.TemporaryDirectory(prefix="quaid-benchmark-", ignore_cleanup_errors=True) as folder:
        home = AilHome(Path(folder), form).start()
        try:
            return report.verdict(stream(home, options.objects, options.templates, options.seed))
        finally:
            home.close()


def stream(home: AilHome, count: int, templates: int, seed: int) -> list[tuple[str, bool]]:
    home.add_ours()
    rng = random.Random(seed)
    sent = [draw(home, rng, n, templates, seed) for n in range(count)]
    began = time.perf_counter()
    home.queue_all([(one.gid, "") for one in sent], publisher="Crawler")
    home.drain("VisualCorrelation", "Tags", timeout=7200)
    taken = time.perf_counter() - began
    changed, found = home.run(PASSES, home=str(home.home), rounds=ROUNDS, timeout=7200)
    home.drain("Tags")
    report.table(
        ("kind", "objects", "written about", "visual-match", "visual-review"),
        [
            (
                kind,
                len(of_kind := [one for one in sent if one.kind == kind]),
                sum(one.gid in found and bool(found[one.gid]["note"]) for one in of_kind),
                sum(tagged(found, one, "visual-match") for one in of_kind),
                sum(tagged(found, one, "visual-review") for one in of_kind),
            )
            for kind in ("clone", "part", "again", "other")
        ],
    )
    print(f"{count / taken:.2f} objects per second; passes changed {changed}.\n", flush=True)
    return musts(sent, found, changed)


def draw(home: AilHome, rng: random.Random, n: int, templates: int, seed: int) -> Sent:
    """Put one more object into AIL, and return it."""
    template, kind = rng.randrange(templates), rng.random()
    base = page(1000 * seed + template, 960, 1200)
    if kind < 0.80:
        return Sent(home.new_screenshot(png(_marked(base, rng)), domain=f"{n}.onion"), template, "clone")
    if kind < 0.88:
        left, top = rng.randrange(0, 200), rng.randrange(0, 400)
        part = base.crop((left, top, left + 700, top + 600))
        return Sent(home.new_image(png(part)), template, "part")
    if kind < 0.92:
        home_of = f"again-{template}.onion"
        return Sent(home.new_screenshot(png(_marked(base, rng)), domain=home_of), template, "again")
    other = page(900_000 + 1000 * seed + n, 960, 1200)
    return Sent(home.new_screenshot(png(other), domain=f"{n}.onion"), None, "other")


def _marked(base: Image.Image, rng: random.Random) -> Image.Image:
    """The page with another small picture in its footer."""
    noise = np.random.default_rng(rng.getrandbits(32)).integers(0, 256, (4, 12, 3), dtype=np.uint8)
    picture = base.copy()
    picture.paste(Image.fromarray(noise).resize((60, 20)), (40, 1150))
    return picture


def tagged(found: dict[str, Any], one: Sent, name: str) -> bool:
    return one.gid in found and any(name in tag for tag in found[one.gid]["tags"])


def musts(sent: list[Sent], found: dict[str, Any], changed: list[int]) -> list[tuple[str, bool]]:
    seen: dict[int, int] = {}
    later = []
    for one in sent:
        if one.kind == "clone" and one.template is not None:
            seen[one.template] = seen.get(one.template, 0) + 1
            later += [one] if seen[one.template] > 2 else []
    told = sum(tagged(found, one, "visual-match") for one in later)
    lines = {frozenset((gid, other)) for gid, one in found.items() for other in one["lines"]}
    correlated = {frozenset((gid, other)) for gid, one in found.items() for other in one["correlated"]}
    silent = [gid for gid, one in found.items() if not names_all(gid, one)]
    share = told / len(later) if later else 0
    return [
        (
            f"of the clones after the first match at most one in twenty is tagged (must; {told} of "
            f"{len(later)}, {share:.1%})",
            share <= MOST_TAGGED,
        ),
        ("every object is as desired (must)", all(one["is_desired"] for one in found.values())),
        (f"AIL has these lines and no others (must; {len(lines)})", lines == correlated),
        (f"another pass changes nothing (must; {changed})", changed[-1] == 0),
        (f"each note names the partners and a reason (must; {len(silent)} do not)", not silent),
    ]


def names_all(gid: str, one: dict[str, Any]) -> bool:
    """Whether a note names the other objects of all lines and the images of all tags, and says why."""
    partners = {other.partition("::")[2] for other in one["lines"]} | {*one["about"]}
    partners.discard(gid.partition("::")[2])
    return all(partner in one["note"] for partner in partners) and (
        not partners or "confidence" in one["note"]
    )


if __name__ == "__main__":
    sys.exit(main())
