"""Small changes to AIL's code: exact text where it fits, said clearly where it does not, and with the effect
that they promise.
"""

from __future__ import annotations

import ast
import itertools
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from support.ail_checkout import contents, patch, uninstall
from support.ail_host import DOUBLE, AilHome
from support.ail_input import capture

from douglas_quaid.ail.checkout.edits import PatchState
from douglas_quaid.ail.checkout.patching import patches, plan_patch, status
from douglas_quaid.errors import ConfigError

pytest_plugins = ["support.ail_fixtures"]

NAMES = [each.name for each in patches()]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "ail"
    shutil.copytree(DOUBLE, home, ignore=shutil.ignore_patterns("__pycache__"))
    return home


def states(home: Path) -> dict[str, PatchState]:
    return {found.patch.name: found.state for found in status(home)}


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new))


# -- the text ------------------------------------------------------------------------------------------------


def test_each_patch_says_what_it_is_for_and_what_its_absence_costs() -> None:
    assert NAMES == ["P1", "P2", "P3", "P4", "P5", "P6"]
    assert all(
        each.title and each.reason.endswith(".") and each.cost.endswith((".", ")")) and each.restart
        for each in patches()
    )


def test_in_any_order_put_in_and_taken_out(own_ail: Callable[[], AilHome]) -> None:
    ail = own_ail()
    before = contents(ail.home)
    assert set(states(ail.home).values()) == {PatchState.ABSENT}
    orders = list(itertools.permutations(NAMES))[::103]
    for order, back in zip(orders, reversed(orders), strict=True):
        for name in order:
            patch(ail.home, [name])
            assert states(ail.home)[name] is PatchState.APPLIED
        assert not plan_patch(ail.home, NAMES).changes, "applying twice changes nothing"
        for name in {file for each in patches() for edit in each.edits for file in [edit.name]}:
            assert name.endswith(".html") or ast.parse((ail.home / name).read_text())
        for name in back:
            patch(ail.home, [name], revert=True)
            assert states(ail.home)[name] is PatchState.ABSENT
        assert contents(ail.home) == before
    assert not plan_patch(ail.home, NAMES, revert=True).changes, "taking back twice changes nothing"
    assert ail.git("status", "--porcelain") == ""


def test_names_are_checked_and_case_does_not_matter(home: Path) -> None:
    patch(home, ["p5"])
    assert states(home)["P5"] is PatchState.APPLIED
    with pytest.raises(ConfigError, match="'P9' is not a patch; patches are P1, P2, P3, P4, P5, P6"):
        plan_patch(home, ["P1", "P9"])


def test_windows_line_endings_are_kept(home: Path) -> None:
    for name in {edit.name for each in patches() for edit in each.edits}:
        path = home / name
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = contents(home)
    patch(home, NAMES)
    for name in {edit.name for each in patches() for edit in each.edits}:
        assert b"\n" not in (home / name).read_bytes().replace(b"\r\n", b"")
    patch(home, NAMES, revert=True)
    assert contents(home) == before


QUEUED = "self.add_message_to_queue(obj=screenshot, queue='Images')"
ROW = '"screenshot": ["barcode", "domain", "item", "qrcode"'
#: What AIL may have one day: file, text of today, text of then.
UPSTREAM = {
    "P1": [("bin/crawlers/Crawler.py", f"# {QUEUED} # TODO screenshot OCR", QUEUED)],
    "P3": [
        (
            "bin/lib/correlations_engine.py",
            '    "image": ["barcode",',
            '    "image": ["barcode", "image", "screenshot",',
        ),
        ("bin/lib/correlations_engine.py", ROW, f'{ROW}, "image", "screenshot"'),
    ],
    "P5": [
        (f"bin/{name}.py", "ed6e1a'   # blank", "ed6e1a',  # blank")
        for name in ("crawlers/Crawler", "lib/crawlers")
    ],
}


@pytest.mark.parametrize("name", UPSTREAM)
def test_what_ail_has_by_itself_one_day_is_told_and_left_alone(home: Path, name: str) -> None:
    for file, old, new in UPSTREAM[name]:
        change(home / file, old, new)
    before = contents(home)
    assert states(home)[name] is PatchState.UPSTREAM
    plan = plan_patch(home, [name])
    assert not plan.changes and plan.notes == (f"{name}: AIL has this by itself; nothing to do",)
    patch(home, [name], revert=True)
    patch(home, NAMES)
    uninstall(home)
    assert contents(home) == before, "neither taking back nor uninstalling touches what is AIL's own"


def test_rows_that_list_more_than_today_get_what_they_lack(home: Path) -> None:
    # given what a pull request for AIL proposes: one row complete, the other half
    engine = home / "bin" / "lib" / "correlations_engine.py"
    change(
        engine,
        '"post", "qrcode", "user-account"],  # TODO subchannel',
        '"phash", "image", "screenshot", "post", "qrcode", "user-account"],  # TODO subchannel',
    )
    change(
        engine,
        '"screenshot": ["barcode", "domain", "item", "qrcode"]',
        '"screenshot": ["barcode", "domain", "item", "qrcode", "image"]',
    )
    before = engine.read_text()
    assert states(home)["P3"] is PatchState.PARTLY
    patch(home, ["P3"])
    rows = next(
        ast.literal_eval(node.value)
        for node in ast.parse(engine.read_text()).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
    )
    assert sorted(rows["screenshot"]) == ["barcode", "domain", "image", "item", "qrcode", "screenshot"]
    assert sorted(rows["image"]).count("image") == 1 and rows["image"].count("screenshot") == 1
    patch(home, ["P3"], revert=True)
    assert engine.read_text() == before


def test_a_text_that_does_not_fit_is_refused_with_file_and_line_and_nothing_is_written(home: Path) -> None:
    change(
        home / "bin" / "modules" / "Global.py",
        "queue='Images', message=message)",
        "queue='Pictures', message=message)",
    )
    before = contents(home)
    assert states(home) == {name: PatchState.CHANGED if name == "P2" else PatchState.ABSENT for name in NAMES}
    words = (
        r"P2 .* is not applied: bin/modules/Global\.py: .*looked for "
        r"\"self\.add_message_to_queue\(obj=self\.obj, queue='Images'"
    )
    with pytest.raises(ConfigError, match=words):
        patch(home, NAMES)
    assert contents(home) == before


def test_a_context_that_is_there_twice_is_no_place(home: Path) -> None:
    path = home / "bin" / "lib" / "correlations_engine.py"
    path.write_text(path.read_text() + '\nOTHER = {\n    "screenshot": ["domain"],\n}\n')
    assert states(home)["P3"] is PatchState.CHANGED


def test_a_patch_that_somebody_edited_is_told_and_stays(home: Path) -> None:
    patch(home, NAMES)
    change(
        home / "bin" / "lib" / "objects" / "ail_objects.py",
        "relationship = 'similar'",
        "relationship = 'related-to'",
    )
    assert states(home)["P4"] is PatchState.CHANGED
    plan = uninstall(home)
    assert any(
        "bin/lib/objects/ail_objects.py still holds a text with 'quaid ail'" in note for note in plan.notes
    )
    assert "related-to" in (home / "bin" / "lib" / "objects" / "ail_objects.py").read_text()
    assert states(home) == {name: PatchState.CHANGED if name == "P4" else PatchState.ABSENT for name in NAMES}


def test_half_a_patch_is_completed_or_taken_back(home: Path) -> None:
    before = contents(home)
    patch(home, ["P2"])
    (home / "bin" / "modules" / "Global.py").write_bytes(before["bin/modules/Global.py"][0])
    assert states(home)["P2"] is PatchState.PARTLY
    patch(home, ["P2"])
    assert states(home)["P2"] is PatchState.APPLIED
    (home / "bin" / "modules" / "Global.py").write_bytes(before["bin/modules/Global.py"][0])
    patch(home, ["P2"], revert=True)
    assert contents(home) == before


# -- the effect, in AIL's own code ---------------------------------------------------------------------------


@pytest.fixture
def patched(own_ail: Callable[[], AilHome]) -> AilHome:
    ail = own_ail()
    patch(ail.home, NAMES)
    return ail.start()


def test_patched_ail_queues_draws_and_exports(patched: AilHome) -> None:
    # P2: an imported capture's screenshot reaches the queue Images
    imported = capture(patched, b"\x89PNG imported", url="http://shop.example.org/")
    patched.drain("LacusCaptureModuleImporter", "Mixer", "Global")
    assert patched.messages("CodeReader") == [f"{imported};"]

    # P5: a blank page is known by its sha256 again
    code = """
    from lib import crawlers
    import logging
    types = [value for value in vars(crawlers).values() if isinstance(value, type)]
    found = [value for value in types if hasattr(value, 'process_screenshot')]
    importer = found[0](logging.getLogger()) if found[0].__init__.__code__.co_argcount > 1 else found[0]()
    return len(importer.placeholder_screenshots)
    """
    assert patched.run(code) == 3

    # P4: an export calls a pair of pictures similar, and a screenshot still one of its domain
    pair = [patched.new_screenshot(b"a", domain="a.onion"), patched.new_screenshot(b"b")]
    others = [patched.new_image(b"a"), "domain::a.onion"]
    code = """
    from lib.objects.ail_objects import get_obj_from_global_id as get, get_objects_relationship
    return [get_objects_relationship(get(a), get(b)).get('relationship') for a, b in pairs]
    """
    pairs = [pair, [others[0], pair[0]], [others[0], others[0]], [pair[0], others[1]], [others[1], others[0]]]
    assert patched.run(code, pairs=pairs) == [
        "similar",
        "similar",
        "similar",
        "screenshot-of",
        "extracted-from",
    ]


def test_the_patched_graph_draws_a_star_of_150_whole(
    patched: AilHome, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a representative that 149 screenshots of the cluster are correlated with, as our writer does
    code = """
    import time
    from lib import correlations_engine as engine
    from lib.objects import Screenshots
    ids = [Screenshots.create_screenshot(b'page %d' % n, b64=False).id for n in range(150)]
    for other in ids[1:]:
        engine.add_obj_correlation('screenshot', '', ids[0], 'screenshot', '', other)
    result = []
    for start in (ids[0], ids[1]):
        begin = time.perf_counter()
        drawn = engine.get_correlations_graph_nodes_links('screenshot', '', start, max_nodes=300, level=2)
        name, nodes, links, meta = drawn
        pairs = {frozenset(link) for link in links}
        result.append([len(nodes), len(pairs), meta['complete'], time.perf_counter() - begin])
    return result
    """
    drawn = patched.run(code)
    # then the page's graph has all of them, from the hub and from a ray
    assert [row[:3] for row in drawn] == [[150, 149, True], [150, 149, True]]
    assert max(row[3] for row in drawn) < 60
    with capsys.disabled():
        print(
            f"\n"
            f"AIL's graph of 150 screenshots ({patched.form}): {drawn[0][3]:.3f} s from the hub, "
            f"{drawn[1][3]:.3f} s from a ray"
        )


def test_the_patched_crawler_queues_its_screenshot(patched: AilHome) -> None:
    # given a capture as AIL's own crawler gets it, and a crawler without the server that it asks for captures
    code = """
    try:
        from crawlers.Crawler import Crawler
    except ModuleNotFoundError as error:
        return error.name
    from lib.objects.Domains import Domain
    from modules.abstract_module import AbstractModule
    crawler = Crawler.__new__(Crawler)
    AbstractModule.__init__(crawler, module_name='Crawler')
    crawler.__dict__.update(
        domain=Domain('example.org'), date='2026/07/15', items_dir='crawled/2026/07/15',
        screenshot=True, har=False, root_item=None,
        interactive_session=None, filter_unsafe_onion=False, placeholder_screenshots=set()
    )
    page = '<html><body>x</body></html>'
    entries = {'last_redirected_url': 'http://example.org/', 'html': page, 'png': content}
    takes = Crawler.save_capture_response.__code__.co_argcount - 1
    crawler.save_capture_response(*[None, None, 'parent', entries][-takes:])
    """
    picture = b"\x89PNG crawled"
    missing = patched.run(code, content=picture)
    if missing:
        pytest.skip(
            f"AIL_PYTHON lacks {missing}, which AIL's requirements.txt asks for and its crawler imports"
        )
    # then its screenshot is on the queue
    gid = f"screenshot::{sha256(picture).hexdigest()}"
    assert patched.messages("CodeReader") == [f"{gid};"]
    assert patched.correlations(gid, "domain") == {"domain::example.org"}
