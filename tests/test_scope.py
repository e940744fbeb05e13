"""What may answer a query: exclusions, collections, and what persons said, in one frozen value."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.images import put_all
from support.judging import SAID, confirm, judge, veto

from douglas_quaid.errors import ConfigError, NotFound
from douglas_quaid.records import JudgementWord, Occurrence, Purpose

HERE, THERE = "file:path:/here", "file:path:/there"


def test_a_scope_holds_all_that_the_store_says_about_a_query(store, make_image):
    # Given images in collections of each purpose, with judgements, and one with the query's pixels
    images = [make_image(n) for n in range(7)]
    query, member, ignored, page, twin, other, told = (image.image_id for image in images)
    put_all(store, images)
    store.images.put(replace(images[4], pixel_digest=images[0].pixel_digest), renew=True)
    for image_id, name, purpose in (
        (member, "brands", Purpose.KNOWN),
        (ignored, "noise", Purpose.IGNORE),
        (page, "pages", Purpose.BASELINE),
    ):
        store.collections.create(name, purpose)
        store.images.note(image_id, collection=name)
    veto(store, query, other)
    confirm(store, told, query)
    judge(store, query, page, JudgementWord.UNSURE)
    digest = images[0].pixel_digest
    # Then all of it is in the scope, and with no restriction all others are allowed
    scope = store.scope(query, pixel_digest=digest)
    assert (scope.excluded, scope.members, scope.ignored, scope.baseline) == (set(), None, {ignored}, {page})
    assert scope.vetoed == {other} and scope.same_pixels == tuple(sorted([query, twin]))
    assert [(one.image_id, one.verdict) for one in scope.confirmed] == [(told, SAID)]
    allowed = [image.image_id for image in images if scope.allows(image.image_id)]
    assert allowed == [query, member, page, twin, told]
    # and what is excluded, or in none of the collections, is not
    scope = store.scope(query, pixel_digest=digest, exclude={query, twin}, collection=("brands", "pages"))
    assert scope.members == {member, page} and scope.excluded == {query, twin}
    assert [image.image_id for image in images if scope.allows(image.image_id)] == [member, page]
    assert store.scope(query, pixel_digest=digest, collection="brands").members == {member}
    # A picture that is not in the store has a scope, too
    scope = store.scope("0" * 64, pixel_digest=bytes(32))
    assert (scope.vetoed, scope.confirmed, scope.same_pixels) == (set(), (), ())


def test_an_excluded_occurrence_leaves_out_images_that_were_seen_nowhere_else(store, make_image):
    images = [make_image(n) for n in range(3)]
    for image, places in zip(images, ([HERE], [HERE, THERE], [THERE]), strict=True):
        for place in places:
            store.images.put(image, occurrence=Occurrence.parse(place))
    first, both, second = (image.image_id for image in images)
    for exclude, left_out in (
        ([HERE], {first}),
        ([HERE, THERE], {first, both, second}),
        ([HERE, second], {first, second}),
        (["file:path:/nowhere"], set()),
    ):
        assert store.scope("0" * 64, pixel_digest=bytes(32), exclude=exclude).excluded == left_out


def test_what_does_not_exist_is_refused(store):
    with pytest.raises(NotFound, match="'nothing'"):
        store.scope("0" * 64, pixel_digest=bytes(32), collection="nothing")
    with pytest.raises(ConfigError, match="HOST:KIND:ID"):
        store.scope("0" * 64, pixel_digest=bytes(32), exclude=["file:path:"])
