"""What our module does with the messages on its queue, inside a scratch AIL: through, back, or given up, and never lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ail_host import OURS, AilHome
from pictures import jpeg, photo, png

from douglas_quaid.ail.dead_letters import dead_letters
from douglas_quaid.engine import Engine

pytest_plugins = ["ail_fixtures"]


@pytest.fixture
def store(ail: AilHome) -> Iterator[Engine]:
    """The feature store of the module, as another process sees it."""
    with Engine.open(ail.store.url) as engine:
        yield engine


def test_an_image_goes_through_the_queue_to_a_correlation(ail: AilHome, store: Engine) -> None:
    # given two images that show one picture
    ail.add_ours()
    first, second = ail.new_image(png(photo(1))), ail.new_image(jpeg(photo(1), 70))
    ail.queue(first, "20260701")
    ail.queue(second, "20260702")
    # when our module has had its queue
    ail.drain(OURS)
    # then both are known, with the days of their messages, and correlated
    [[one], [two]] = store.sightings([gid.replace("image::", "ail:image:") for gid in (first, second)])
    assert one.linked and one.sighting.last_seen.strftime("%Y%m%d") == "20260701"
    assert two.linked and two.sighting.labels["written"] == "1"
    assert ail.correlations(first, "image") == {second} and ail.correlations(second, "image") == {first}
    assert ail.queue_length() == 0 and ail.in_flight() == set() and list(dead_letters(store)) == []
