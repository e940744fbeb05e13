"""What does an analyst get to see of a stream in which most pictures are copies of a few?

The stream is that of ail_stream_pictures.py. The objects pass the module in random order, then passes are
made until one changes nothing.

Must: of the clones that come after the first match across domains of their cluster at most one in twenty
carries a tag of ours; each object with a match or a review names a partner and the reason in its note, or is
correlated with one that does; lines, tags and notes of every object are what is desired, and AIL has these
lines and no others; another pass changes nothing; the domain and the crawled item of each imitation have its
tag. By template, that is if the engine put all clones of a template into one cluster, the same shares are
printed; they are no must.

$AIL_HOME and $AIL_PYTHON name a real checkout and its interpreter; without them the tests' double is
measured.

    python -m benchmarks.ail_stream [--objects 600] [--templates 20] [--seed 1] [--sample]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from support.ail_host import AilHome
from support.pictures import png

from douglas_quaid import Engine, Purpose
from douglas_quaid.ail import tags

from . import report
from .ail_stream_pictures import BRANDS, Planned, brand_page, planned
from .ail_stream_shown import Later, Shown, names_one_of, print_clones, print_kinds

MOST_TAGGED = 0.05
ROUNDS = 6
#: Objects that are queued at once; the module starts anew for each batch.
BATCH = 50

OPENED = """
from pathlib import Path
from douglas_quaid import Engine
from douglas_quaid.ail.cli.ail_sink import open_sink
from douglas_quaid.ail.config import Locations, Settings
from douglas_quaid.ail.objects import AilObject
from douglas_quaid.ail.publishing.desired import desired
from douglas_quaid.ail.publishing.ledger import cluster_keys, read_entry
from douglas_quaid.ail.publishing.publisher import Publisher
from douglas_quaid.ail.publishing.store_view import StoreView
from douglas_quaid.ail.servers import AilServers
from lib.objects.ail_objects import get_obj_from_global_id as get

settings = Settings.read(home)
"""
#: Passes until nothing moves. Returns how many objects each changed.
PASSES = """
changed = []
with Engine.open(settings.store) as engine, AilServers(Locations.read(home)) as servers:
    publisher = Publisher(engine, open_sink(Path(home), servers), settings)
    while not changed or (changed[-1] and len(changed) < rounds):
        changed.append(publisher.sweep())
return changed
"""
#: What stands about each object: in the ledger and in AIL.
LOOK = """
found = {}
with Engine.open(settings.store) as engine:
    for gid, origins in sent:
        obj, shown = AilObject.parse(gid), get(gid)
        entry, view = read_entry(engine, obj), StoreView(engine, settings, obj)
        found[gid] = {
            "cluster": cluster_keys(engine, [obj.id])[0],
            "alike": [each.hit.image_id for each in view.across],
            "is_desired": desired(view, entry) == entry and entry.settled,
            "lines": [line.other.gid for line in entry.correlations],
            "written": [tag.name for tag in entry.tags],
            "correlated": [
                f"{kind}:{name}"
                for kind in ("image", "screenshot")
                for name in shown.get_correlation(kind).get(kind, ())
            ],
            "tags": [tag for tag in shown.get_tags() if '="visual-' in tag],
            "origins": [sorted(get(origin).get_tags()) for origin in origins],
            "note": shown._get_field("desc:douglas-quaid") or "",
        }
return found
"""


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
            home.add_ours()
            return report.verdict(stream(home, options.objects, options.templates, options.seed))
        finally:
            home.close()


def stream(home: AilHome, count: int, templates: int, seed: int) -> list[tuple[str, bool]]:
    brands = add_brands(home, seed)
    plans, sent, seconds = [planned(seed, n, templates) for n in range(count)], [], 0.0
    for start in range(0, count, BATCH):
        batch = [send(home, plan, start + n) for n, plan in enumerate(plans[start : start + BATCH])]
        home.queue_all([(gid, "") for gid, _ in batch], publisher="Crawler")
        began = time.perf_counter()
        home.drain("VisualCorrelation", "Tags", timeout=7200)
        seconds += time.perf_counter() - began
        sent += batch
        print(f"{len(sent)} of {count}, {seconds:.0f} s", file=sys.stderr, flush=True)
    changed = home.run(OPENED + PASSES, home=str(home.home), rounds=ROUNDS, timeout=7200)
    home.drain("Tags")
    found = home.run(OPENED + LOOK, home=str(home.home), sent=sent, timeout=7200)
    shown = [Shown(plan, gid, **found[gid]) for plan, (gid, _) in zip(plans, sent, strict=True)]
    print(f"{count / seconds:.2f} objects per second; passes changed {changed}.\n", flush=True)
    print_kinds(shown, brands)
    return musts(shown, changed, print_clones(shown))


def add_brands(home: AilHome, seed: int) -> list[str]:
    """Add the legitimate pages to their baselines, and return their image ids."""
    with Engine.open(home.store.url) as engine:
        ids = []
        for number, brand in enumerate(BRANDS):
            engine.create_collection(f"brand{number}", Purpose.BASELINE)
            labels = {"brand": brand, "domain": f"brand{number}.example"}
            data = png(brand_page(seed, number))
            ids.append(engine.add(data, collection=f"brand{number}", labels=labels).image_id)
        return ids


def send(home: AilHome, plan: Planned, number: int) -> tuple[str, list[str]]:
    """Give AIL one object, as the crawler or a feeder does. Return its global id, and those of its domain and
    its crawled item.
    """
    if not plan.domain:
        return home.new_image(plan.content), []
    item = f"crawled/2026/12/01/{plan.domain}{number:08}-0000-4000-8000-000000000000"
    gid = home.new_screenshot(plan.content, domain=plan.domain, item=item)
    return gid, [f"domain::{plan.domain}", f"item::{item}"]


def musts(shown: list[Shown], changed: list[int], later: Later) -> list[tuple[str, bool]]:
    lines = {frozenset((one.gid, other)) for one in shown for other in one.lines}
    correlated = {frozenset((one.gid, other)) for one in shown for other in one.correlated}
    silent = [one.gid for one in shown if one.alike and not names_one_of(one, set(one.alike), shown)]
    as_desired = all(one.is_desired and sorted(one.written) == sorted(one.tags) for one in shown)
    imitations = [one for one in shown if one.plan.kind == "imitation"]
    on_origins = [one for one in imitations if all(looks_like(one) in names for names in one.origins)]
    return [
        (
            "of the clones after the first match of their cluster at most one in twenty is tagged (must; "
            f"{report.share(later.tagged, later.clones)})",
            later.tagged <= MOST_TAGGED * later.clones,
        ),
        (f"each object that resembles any names one and the reason (must; {len(silent)} do not)", not silent),
        ("every object is as desired, and AIL has its tags (must)", as_desired),
        (f"AIL has these lines and no others (must; {len(lines)})", lines == correlated),
        (f"another pass changes nothing (must; {changed})", changed[-1] == 0),
        (
            "domain and item of each imitation have its tag (must; "
            f"{report.share(len(on_origins), len(imitations))})",
            len(on_origins) == len(imitations),
        ),
    ]


def looks_like(one: Shown) -> str:
    """The tag of an imitation."""
    assert one.plan.template is not None
    return tags.looks_like({"brand": BRANDS[one.plan.template]})


if __name__ == "__main__":
    sys.exit(main())
