"""The filters of `quaid misp sync`, and baselines that are filled from an event."""

from __future__ import annotations

import pytest
from support.misp_runs import PICTURES, Sync, places
from support.misp_server import Misp

from douglas_quaid.description import Description
from douglas_quaid.engine import Engine
from douglas_quaid.misp.sync.index import membership_labels
from douglas_quaid.records import Membership

pytest_plugins = ["support.misp_fixtures"]


def test_tags_organisation_publication_type_and_event(misp: Misp, engine: Engine, sync: Sync) -> None:
    # Given events and attributes that differ in what filters check
    phishing, secret, draft = (
        misp.event(tags=["rsit:fraud"]),
        misp.event(tags=["tlp:red"], org="CSIRT-B"),
        misp.event(published=False),
    )
    plain = misp.attach(phishing, PICTURES[0])
    hidden = misp.attach(phishing, PICTURES[1], tags=["tlp:red"])
    theirs = misp.attach(secret, PICTURES[2])
    tagged = misp.attach(secret, PICTURES[3], tags=["rsit:fraud"])
    unready = misp.attach(draft, PICTURES[4], type="malware-sample")
    for options, expected in {
        ("--tag", "rsit:fraud"): {plain, hidden, tagged},
        ("--tag", "rsit:fraud", "--tag", "tlp:red"): {plain, hidden, theirs, tagged},
        ("--tag", "!tlp:red"): {plain, unready},
        ("--tag", "!TLP:%"): {plain, unready},
        ("--tag", "rsit:fraud", "--tag", "!tlp:red"): {plain},
        ("--org", "CSIRT-B"): {theirs, tagged},
        ("--published",): {plain, hidden, theirs, tagged},
        (): {plain, hidden, theirs, tagged, unready},
        ("--type", "malware-sample"): {unready},
        ("--event", secret.uuid): {theirs, tagged},
        ("--event", str(draft.id)): {unready},
    }.items():
        # When a dry run is made with a filter, then it would fetch only what passes
        done = sync("--dry-run", *options)
        assert {line["attribute"] for line in done.lines if line["status"] == "would-fetch"} == {
            attribute.uuid for attribute in expected
        }, options


@pytest.mark.parametrize(
    ("event", "holder", "attribute", "allowed", "passes"),
    [
        (3, None, 5, "3", True),
        (3, None, 3, "3", True),
        (3, None, 0, "3", False),
        (1, None, 3, "3", False),
        (3, 5, 5, "3", True),
        (3, 0, 5, "3", False),
        (4, None, 5, "3", False),
        (1, 3, 5, "13", True),
    ],
)
def test_distribution_is_that_of_the_whole_chain(
    misp: Misp, sync: Sync, event: int, holder: int | None, attribute: int, allowed: str, passes: bool
) -> None:
    within = misp.event(distribution=event)
    held = None if holder is None else misp.object(within, distribution=holder)
    picture = misp.attach(within, PICTURES[0], object=held, distribution=attribute)
    options = [part for level in allowed for part in ("--distribution", level)]
    assert sync("--dry-run", *options).of(picture) == ["would-fetch" if passes else "filtered"]


def test_prune_withdraws_what_no_longer_passes(misp: Misp, engine: Engine, sync: Sync) -> None:
    # Given two pictures that may be shown
    event, other = misp.event(distribution=3), misp.event(distribution=3)
    shown, withheld = misp.attach(event, PICTURES[0]), misp.attach(other, PICTURES[1])
    sync("--distribution", "3", "--prune")
    # When one event becomes visible to its organisation only
    misp.later()
    other.distribution, other.timestamp = 0, misp.now
    # Then a normal pass keeps its picture, and a pass with --prune withdraws it
    assert sync("--distribution", "3").of(withheld) == ["filtered"] and withheld.uuid in places(engine)
    assert "withdrawn" in sync("--distribution", "3", "--prune").of(withheld)
    assert set(places(engine)) == {shown.uuid}


def test_since_reads_a_part(misp: Misp, engine: Engine, sync: Sync) -> None:
    # Given an old event and a new one
    old_event, new_event = misp.event(), misp.event()
    old = misp.attach(old_event, PICTURES[0], timestamp=1_600_000_000)
    old_event.timestamp = old_event.publish_timestamp = 1_600_000_000
    new = misp.attach(new_event, PICTURES[1])
    # When the first pass begins a day ago, then it and later passes leave out the old one
    assert sync("--since", "1d").statuses() == {"added": 1}
    assert sync().of(old) == [] and set(places(engine)) == {new.uuid}
    # And an earlier date reads it
    assert sync("--since", "2020-01-01").of(old) == ["added"]


def test_an_event_fills_a_baseline(misp: Misp, engine: Engine, sync: Sync) -> None:
    # Given an event of sign-in pages with brands in tags and comments, and a document among them
    event = misp.event("Sign-in pages", tags=['douglas-quaid:brand="Example Bank"'])
    one = misp.attach(event, PICTURES[0], comment="domain=bank.example")
    two = misp.attach(
        event, PICTURES[1], tags=['douglas-quaid:brand="Other Bank"', 'douglas-quaid:domain="other.example"']
    )
    misp.attach(event, b"text", "list.txt")
    misp.attach(misp.event(), PICTURES[2])
    # When it is read into a collection that does not exist yet
    done = sync("--event", event.uuid, "--into", "banks")
    # Then the collection is a baseline with these two, labelled
    assert done.statuses() == {"added": 2, "skipped": 1}
    assert [(collection.name, collection.purpose.value) for collection in engine.collections()] == [
        ("banks", "baseline")
    ]
    assert labels(engine, one.uuid) == {"brand": "Example Bank", "domain": "bank.example"}
    assert labels(engine, two.uuid) == {"brand": "Other Bank", "domain": "other.example"}
    # And a second run requests no file, though everything is read
    assert (
        sync("--event", event.uuid, "--into", "banks", "--prune").statuses() == {"known": 2, "skipped": 1}
        and not misp.fetched()
    )
    # And a brand that is corrected with a local tag, which changes no timestamp, is updated
    one.local_tags.append('douglas-quaid:brand="Example Bank AG"')
    assert sync("--event", event.uuid, "--into", "banks", "--prune").of(one) == ["updated"]
    assert labels(engine, one.uuid)["brand"] == "Example Bank AG" and engine.collection_size("banks") == 2


def test_an_image_that_is_forgotten_while_a_pass_reads_is_added_again(
    misp: Misp, engine: Engine, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a page in a baseline
    event = misp.event()
    page = misp.attach(event, PICTURES[0], comment="brand=Acme")
    sync("--event", event.uuid, "--into", "banks")
    show = Engine.show

    def forget_first(self: Engine, name: str) -> object:
        engine.forget(name)
        return show(self, name)

    # When its image is forgotten after its place was read, then its file is read again
    monkeypatch.setattr(Engine, "show", forget_first)
    assert sync("--event", event.uuid, "--into", "banks", "--prune").of(page) == ["added"]
    monkeypatch.undo()
    assert labels(engine, page.uuid) == {"brand": "Acme"}


def test_a_page_that_is_deleted_from_the_event_leaves_the_baseline(
    misp: Misp, engine: Engine, sync: Sync
) -> None:
    # Given two pages in a baseline that an event fills
    event = misp.event()
    gone, replaced, stays = (misp.attach(event, picture, comment="brand=Acme") for picture in PICTURES[:3])
    sync("--event", event.uuid, "--into", "banks")
    misp.later()
    # When one is deleted and another gets other bytes, and a run for all pictures notices it first
    misp.delete(gone)
    misp.edit(replaced, data=PICTURES[3])
    sync()
    assert engine.collection_size("banks") == 1
    # Then the next run for the baseline has the remaining page and the new one
    sync("--event", event.uuid, "--into", "banks")
    assert engine.collection_size("banks") == 2 and labels(engine, stays.uuid) == labels(
        engine, replaced.uuid
    ) == {"brand": "Acme"}


def test_pictures_that_are_known_already_become_members(misp: Misp, engine: Engine, sync: Sync) -> None:
    event = misp.event()
    picture = misp.attach(event, PICTURES[0], comment="brand='A B'")
    sync()
    assert sync("--event", event.uuid, "--into", "banks").of(picture) == ["updated"]
    assert labels(engine, picture.uuid) == {"brand": "A B"}


def test_labels_of_comments_and_tags(misp: Misp) -> None:
    from douglas_quaid.misp.sync.attribute import attributes_of

    def of(comment: str, *tags: str) -> dict[str, str]:
        misp.attributes.clear()
        misp.attach(misp.event(), PICTURES[0], comment=comment, tags=list(tags))
        (attribute,) = attributes_of(misp.answer("POST", "/attributes/restSearch", {})[1]["response"])
        return membership_labels(attribute)

    assert of("brand=Acme domain=acme.example") == {"brand": "Acme", "domain": "acme.example"}
    assert of('Sign-in page, brand="Acme Ltd", Domain = acme.example; seen by us') == {
        "brand": "Acme Ltd",
        "domain": "acme.example",
    }
    assert of("https://a.example/?mybrand=x&brand=y") == {}
    assert of("colour=red no brand at all") == {}
    assert of("brand=Acme", 'DOUGLAS-QUAID:brand="Other"') == {"brand": "Other"}
    assert of("brand=\x00\x1b[31mAcme" + "x" * 1000)["brand"].startswith("[31mAcmexxx")


def labels(engine: Engine, attribute: str) -> dict[str, str]:
    """Labels of the only membership of the attribute's image."""
    found = engine.show(f"misp:attribute:{attribute}")
    assert isinstance(found, Description)
    (member,) = found.info.memberships
    assert isinstance(member, Membership)
    return dict(member.labels)


@pytest.mark.parametrize(
    ("option", "name", "problem"),
    [
        ("--event", "9999", "no such event"),
        ("--event", "5f4a2c1e-0b7d-4c7e-9d1a-2b6f8f1e3a10", "no such event"),
        ("--event", "!1", "expected the number or the UUID"),
        ("--org", "NOPE", "no such organisation"),
        ("--org", "!NOPE", "no such organisation"),
        ("--org", "99", "no such organisation"),
        ("--tag", "rsit:frued", "no such tag"),
        ("--tag", "rzit:%", "no such tag"),
    ],
)
def test_a_name_that_misp_does_not_know_is_an_error(
    misp: Misp, engine: Engine, sync: Sync, option: str, name: str, problem: str
) -> None:
    misp.attach(misp.event(tags=["rsit:fraud"]), PICTURES[0])
    for others in ((), ("--dry-run",), ("--watch", "60")):
        done = sync(option, name, *others, json_lines=False)
        assert done.status == 2 and f"{option} {name}: " in done.errors and problem in done.errors
    assert not places(engine)


def test_a_name_that_misp_knows_may_have_no_picture(misp: Misp, sync: Sync) -> None:
    misp.organisations.add("CSIRT/Ç & sons")
    misp.tags.add("douglas-quaid:baseline")
    misp.event(org="42")
    filters = (
        ("--org", "CSIRT/Ç & sons"),
        ("--org", "!42"),
        ("--tag", "douglas-quaid:%"),
        ("--tag", "!tlp:red"),
    )
    for option in filters:
        assert sync(*option).status == 0


def test_a_deleted_event_can_be_pruned_once(misp: Misp, engine: Engine, sync: Sync) -> None:
    event = misp.event()
    misp.attach(event, PICTURES[0])
    assert sync().status == 0 and sync("--prune", "--event", event.uuid).status == 0
    misp.delete_event(event)
    done = sync("--event", event.uuid, json_lines=False)
    assert done.status == 2 and f"--prune --event {event.uuid} withdraws its pictures" in done.errors
    assert sync("--prune", "--event", event.uuid).statuses() == {"withdrawn": 1} and not places(engine)
    assert sync("--prune", "--event", event.uuid).status == 2
