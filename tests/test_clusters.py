"""Clusters, vetoes and forgetting, checked against plain union-find on random graphs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from support.images import put_all, record_verdict
from support.judging import judge, veto

from douglas_quaid.config import Config
from douglas_quaid.errors import ConfigError, CorruptRecord, NotFound
from douglas_quaid.integrity.check import find_problems
from douglas_quaid.records import PERSON, Decision, Evidence, JudgementWord, Purpose, Relation, Verdict
from douglas_quaid.store import RecordOutcome, Store
from douglas_quaid.store.clusters import Clusters

IMAGES = 8
#: An image that is not in the store.
ABSENT = "0" * 64
VETOES = (JudgementWord.DIFFERENT, JudgementWord.SAME_DESIGN)


def verdict(
    confidence: float = 0.99,
    *,
    decision: Decision = Decision.MATCH,
    relation: Relation = Relation.NEAR_DUPLICATE,
) -> Verdict:
    return Verdict(decision, relation, confidence, Evidence(pdq_bits=4), "test-1", "PDQ 4/256")


def fill(store: Store, make_image, count: int) -> list[str]:
    images = sorted((make_image(n) for n in range(count)), key=lambda image: image.image_id)
    put_all(store, images)
    return [image.image_id for image in images]


def partition(store: Store, ids: Iterable[str]) -> set[frozenset[str]]:
    """Clusters as sets of members; an image without a cluster is alone."""
    ids = list(ids)
    return {
        frozenset(cluster.members) if cluster else frozenset([i])
        for i, cluster in zip(ids, store.clusters.of(ids), strict=True)
    }


def alone(store: Store, *ids: str) -> bool:
    """Whether each of these images has a cluster of its own."""
    return [found and found.members for found in store.clusters.of(ids)] == [(i,) for i in ids]


class Known:
    """What was said and scored of pairs, and what has to hold of the clusters then."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = set(ids)
        #: Those that were ever in a cluster.
        self.given: set[str] = set()
        #: Ids of clusters that were told, and those that went with the last image.
        self.told: set[str] = set()
        self.gone: set[str] = set()
        #: Pairs that a verdict joins.
        self.scores: set[frozenset[str]] = set()
        self.words: dict[frozenset[str], JudgementWord] = {}

    def joins(self, a: str, b: str) -> bool:
        """Whether a pair is to be joined."""
        pair = frozenset([a, b])
        word = self.words.get(pair, JudgementWord.UNSURE)
        return word is JudgementWord.SAME or (word is JudgementWord.UNSURE and pair in self.scores)

    def forget(self, a: str, names: Iterable[str], members: Iterable[str]) -> None:
        """Forget an image of the cluster with these names and members."""
        if set(members) == {a}:
            self.gone |= set(names)
        self.ids.discard(a)
        self.scores = {pair for pair in self.scores if a not in pair}
        self.words = {pair: word for pair, word in self.words.items() if a not in pair}

    def agree(self, images: Iterable[str], representatives: Iterable[str]) -> bool:
        wanted = set(representatives)
        return all(i in wanted or any(self.joins(i, one) for one in wanted) for i in images)

    def check(self, store: Store, kept: Callable[[str], set[str]]) -> None:
        """Raise AssertionError where a cluster is not as clusters.lua promises."""
        homes = {
            i: found for i, found in zip(sorted(self.ids), store.clusters.of(sorted(self.ids)), strict=True)
        }
        parts = {i: set(home.members) if home else {i} for i, home in homes.items()}
        lead = {i: set(home.representatives) if home else {i} for i, home in homes.items()}
        for home in filter(None, homes.values()):
            members, representatives = set(home.members), set(home.representatives)
            assert representatives and representatives <= members <= self.ids
            assert kept(home.cluster_id) <= members
            assert self.agree(members - kept(home.cluster_id), representatives)
        # An image that was in a cluster once is in one for good, if only in one of its own
        self.given |= {i for i, part in parts.items() if len(part) > 1}
        assert {i for i, home in homes.items() if home} == self.given & self.ids
        # And each id that was told is the name of a cluster until the last image of that is forgotten
        clusters = {home.cluster_id: home for home in homes.values() if home}
        self.told |= {name for home in clusters.values() for name in (home.cluster_id, *home.aliases)}
        named = {name: home for home in clusters.values() for name in (home.cluster_id, *home.aliases)}
        assert named.keys() == self.told - self.gone
        assert all(store.clusters.by_id(name) == home for name, home in named.items())
        assert store.clusters.names(sorted(self.ids)) == [
            (home.cluster_id, *home.aliases) if home else () for home in homes.values()
        ]
        shared = {name: len(home.members) for name, home in clusters.items() if len(home.members) > 1}
        assert store.clusters.sizes() == shared and store.stats().clusters == len(shared)
        assert store.clusters.shared(sorted(self.ids)) == [
            home.cluster_id if home and home.cluster_id in shared else None for home in homes.values()
        ]
        chains = {frozenset(pair) for some in store.clusters.chains() for pair in some}
        assert store.stats().chains == len(chains)
        vetoes = [pair for pair, word in self.words.items() if word in VETOES]
        assert not any(pair <= part for part in parts.values() for pair in vetoes)
        for a, b in itertools.combinations(sorted(self.ids), 2):
            apart, pair = parts[a] is not parts[b] and b not in parts[a], frozenset([a, b])
            forbidden = any(veto <= parts[a] | parts[b] for veto in vetoes)
            if not self.joins(a, b) or not apart:
                assert pair not in chains
                continue
            # To be joined and in two clusters: a veto lies between these, or nobody could represent both
            could = [lead[a], lead[b], {a}, {b}]
            nobody = not any(self.agree(parts[a] | parts[b], some) for some in could)
            said = self.words.get(pair) is JudgementWord.SAME
            assert forbidden or (nobody and not said)
            assert pair in chains or forbidden


PAIRS = st.tuples(st.integers(0, IMAGES - 1), st.integers(0, IMAGES - 1)).filter(
    lambda pair: pair[0] != pair[1]
)
CONFIDENCES = st.sampled_from([0.5, 0.7, 0.9, 0.95, 0.99])
STEPS = st.one_of(
    st.tuples(st.just("join"), PAIRS, CONFIDENCES),
    st.tuples(st.just("join"), PAIRS, CONFIDENCES),
    st.tuples(st.just("join"), PAIRS, CONFIDENCES),
    st.tuples(st.just("part"), PAIRS, CONFIDENCES),
    *(st.tuples(st.just(word), PAIRS, CONFIDENCES) for word in JudgementWord),
    st.tuples(st.just("undo"), PAIRS, CONFIDENCES),
    st.tuples(st.just("forget"), PAIRS, CONFIDENCES),
    st.tuples(st.just("give"), PAIRS, CONFIDENCES),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=40))
def test_clusters_are_what_they_promise_after_any_row_of_changes(store, shared_server, make_image, steps):
    # Given an empty store with a few images, and any row of scores, judgements, undos, forgets and links that
    # find nothing
    for tag in "0123456789abcdef":
        shared_server.redis.delete(*(shared_server.redis.keys(f"dq:{{{tag}}}:*") or ["none"]))
    shared_server.redis.delete(
        *(k for k in shared_server.redis.keys("dq:{meta}:*") if k != b"dq:{meta}:head"), "none"
    )
    ids = fill(store, make_image, IMAGES)
    known = Known(ids)

    def kept(cluster: str) -> set[str]:
        return {str(i, "ascii") for i in shared_server.redis.smembers(f"dq:{{meta}}:kept:{cluster}")}

    for kind, (x, y), confidence in steps:
        a, b = ids[x], ids[y]
        pair = frozenset([a, b])
        if not pair <= known.ids:
            continue
        if kind == "join":
            known.scores.add(pair)
            record_verdict(store, a, b, verdict(confidence))
        elif kind == "part":
            known.scores.discard(pair)
            record_verdict(store, a, b, verdict(relation=Relation.PARTIAL))
        elif kind == "undo":
            if pair in known.words:
                del known.words[pair]
                store.judgements.undo(a, b)
        elif isinstance(kind, JudgementWord):
            if known.words.get(pair) in VETOES and kind not in VETOES:
                with pytest.raises(ConfigError, match="quaid undo"):
                    judge(store, a, b, kind)
            else:
                known.words[pair] = kind
                judge(store, a, b, kind)
        elif kind == "give":
            known.given.add(a)
            before = store.clusters.ids([a])[0]
            assert store.clusters.give([a])[0] == store.clusters.ids([a])[0] == (before or mock.ANY)
        else:
            (names,), (home,) = store.clusters.names([a]), store.clusters.of([a])
            store.forgetting.forget(a)
            known.forget(a, names, home.members if home else ())
        known.check(store, kept)
    # Then self-check, which knows what each key must hold, finds nothing
    assert not [found for found in find_problems(store) if "{meta}" in found.key]


def test_only_whole_matches_join(store, make_image):
    a, b, *_ = fill(store, make_image, 2)
    for other in (
        verdict(relation=Relation.PARTIAL),
        verdict(decision=Decision.REVIEW),
        verdict(decision=Decision.NO_MATCH, relation=Relation.SAME_TEMPLATE),
        verdict(decision=Decision.REVIEW, relation=Relation.LOOKS_LIKE),
    ):
        assert record_verdict(store, a, b, other) is RecordOutcome.STORED
    assert store.clusters.of([a, b]) == [None, None]
    assert record_verdict(store, a, b, verdict(relation=Relation.IDENTICAL)) is RecordOutcome.JOINED
    assert store.clusters.of([a])[0].members == (a, b)


def test_a_verdict_that_no_longer_joins_takes_the_cluster_apart_again(store, make_image):
    a, b, c = fill(store, make_image, 3)
    store.verdicts.record(a, [(b, verdict()), (c, verdict())])
    assert partition(store, [a, b, c]) == {frozenset([a, b, c])}
    record_verdict(store, a, c, verdict(decision=Decision.NO_MATCH))
    assert partition(store, [a, b, c]) == {frozenset([a, b]), frozenset([c])}


def test_a_match_in_which_a_value_was_replaced_joins_nothing_unless_a_person_says_so(store, make_image):
    a, b, c, d = fill(store, make_image, 4)
    measured = Evidence(fine_agreement=0.95, replaced_regions=1, replaced_share=0.009)
    noise = replace(measured, replaced_share=0.005)
    amid_much_else = replace(measured, fine_agreement=0.7)
    for other, evidence in ((b, measured), (c, noise), (d, amid_much_else)):
        record_verdict(store, a, other, replace(verdict(), evidence=evidence))
    assert partition(store, [a, b, c, d]) == {frozenset([a, c, d]), frozenset([b])}
    record_verdict(store, a, b, replace(verdict(), evidence=measured, calibration_id=PERSON))
    assert partition(store, [a, b, c, d]) == {frozenset([a, b, c, d])}


# -- chains --------------------------------------------------------------------------------------------------


def test_a_chain_of_near_duplicates_joins_no_two_clusters(store, make_image):
    # Given two pictures with a copy each, and six steps between them, each the next one's near duplicate
    ids = fill(store, make_image, 10)
    first, steps, last = ids[:2], ids[2:8], ids[8:]
    record_verdict(store, *first, verdict())
    record_verdict(store, *last, verdict())
    row = [first[0], *steps, last[0]]
    outcomes = [record_verdict(store, b, a, verdict()) for a, b in itertools.pairwise(row)]
    # Then no cluster holds both, and none reaches farther than the neighbours of one image
    parts = partition(store, ids)
    assert not any({first[0], last[0]} <= part for part in parts)
    assert max(len(part & set(row)) for part in parts) == 3
    # And each pair that was not joined is listed as a chain, and is a hit all the same
    assert {RecordOutcome.CHAIN, RecordOutcome.JOINED} == set(outcomes)
    listed = {frozenset(pair) for some in store.clusters.chains() for pair in some}
    assert len(listed) == store.stats().chains == outcomes.count(RecordOutcome.CHAIN)
    a, b = next(iter(listed))
    assert store.verdicts.between(a, b).verdict == verdict()


def test_in_whatever_order_a_chain_comes_its_ends_stay_apart(store, shared_server, make_image):
    ids = fill(store, make_image, 6)
    row = list(itertools.pairwise(ids))
    for order in itertools.permutations(range(len(row))):
        for n in order:
            record_verdict(store, *row[n], verdict())
        assert not any({ids[0], ids[3]} <= part for part in partition(store, ids)), order
        shared_server.redis.delete(
            *(k for k in shared_server.redis.keys("dq:{meta}:*") if k != b"dq:{meta}:head")
        )


def test_copies_of_the_steps_help_a_chain_as_little(store, make_image):
    # Given a chain of which each step comes with ten copies, each of them a copy of the step before, too
    ids = fill(store, make_image, 56)
    row, copies = ids[:6], [ids[6 + 10 * n : 16 + 10 * n] for n in range(5)]
    for n in range(5):
        for one in copies[n]:
            others = [row[n], row[n + 1], *(known for known in copies[n] if known < one)]
            store.verdicts.record(one, [(other, verdict()) for other in others])
        record_verdict(store, row[n], row[n + 1], verdict())
    # Then its ends are apart
    assert not any({ids[0], ids[3]} <= part for part in partition(store, ids))


def test_a_person_joins_what_only_a_chain_connects_and_takes_it_back(store, make_image):
    # Given a - b - c - d, which are two clusters
    a, b, c, d = fill(store, make_image, 4)
    for x, y, confidence in ((a, b, 0.99), (c, d, 0.99), (b, c, 0.9)):
        record_verdict(store, x, y, verdict(confidence))
    assert partition(store, [a, b, c, d]) == {frozenset([a, b]), frozenset([c, d])}
    # When a person says that b and c are the same, then all are one, and nothing is listed
    assert judge(store, b, c, JudgementWord.SAME) is RecordOutcome.JOINED
    assert partition(store, [a, b, c, d]) == {frozenset([a, b, c, d])} and store.stats().chains == 0
    # And each picture that matches either's representative joins
    (new,) = (i for i in fill(store, make_image, 5) if i not in (a, b, c, d))
    assert record_verdict(store, new, store.clusters.of([a])[0].representatives[1], verdict()) is (
        RecordOutcome.JOINED
    )
    # And when that is taken back, the scores decide again
    store.judgements.undo(b, c)
    parts = {part - {new} for part in partition(store, [a, b, c, d])}
    assert parts == {frozenset([a, b]), frozenset([c, d])} and store.stats().chains == 1


def test_an_image_that_all_match_becomes_the_representative(store, make_image):
    # Given b, which is a near duplicate of a, and c, which is one of b only
    a, b, c, d = fill(store, make_image, 4)
    for x, y in ((a, b), (b, c)):
        record_verdict(store, x, y, verdict())
    # Then the three are around b, and d joins if it matches b, not if it matches c
    assert store.clusters.of([a])[0].representatives == (b,)
    assert record_verdict(store, d, c, verdict()) is RecordOutcome.CHAIN
    assert record_verdict(store, d, b, verdict()) is RecordOutcome.JOINED and store.stats().chains == 0


def test_a_picture_leaves_when_it_no_longer_matches_the_representative(store, make_image):
    # Given a, c and d around b, and c and d that match, too
    a, b, c, d = fill(store, make_image, 4)
    store.verdicts.record(b, [(a, verdict()), (c, verdict()), (d, verdict())])
    record_verdict(store, c, d, verdict())
    # When d no longer matches b, then its match with c alone does not keep it
    record_verdict(store, b, d, verdict(decision=Decision.REVIEW))
    assert partition(store, [a, b, c, d]) == {frozenset([a, b, c]), frozenset([d])}
    # And forgetting the others leaves it with c
    store.forgetting.forget(b)
    store.forgetting.forget(a)
    assert partition(store, [c, d]) == {frozenset([c, d])} and store.stats().chains == 0


def test_forgetting_the_representative_keeps_together_what_is_connected(store, make_image):
    # Given a cluster around its first image, of which each other one matches the one before, too
    ids = fill(store, make_image, 30)
    for n in range(1, 30):
        store.verdicts.record(ids[n], [(ids[m], verdict()) for m in {0, n - 1}])
    whole = store.clusters.of([ids[0]])[0]
    # When that one is forgotten, then nobody leaves, and one of them represents the cluster
    assert store.forgetting.forget(ids[0]).unlinked == ()
    after = store.clusters.of([ids[9]])[0]
    assert after.cluster_id == whole.cluster_id and set(after.members) == set(ids[1:])
    assert len(after.representatives) == 1 and after.representatives[0] in ids[1:]
    # And who matches the new one joins
    new = next(i for i in fill(store, make_image, 32) if i not in ids)
    assert record_verdict(store, new, after.representatives[0], verdict()) is RecordOutcome.JOINED


# -- ids -----------------------------------------------------------------------------------------------------


def test_a_merged_cluster_keeps_its_old_ids_as_aliases(store, make_image):
    # Given a cluster of three and one of two, all of which match one image, and then a third
    ids = fill(store, make_image, 7)
    for a, b in ((0, 1), (1, 2), (3, 4), (5, 6)):
        record_verdict(store, ids[a], ids[b], verdict())
    large, small, last = (store.clusters.of([ids[n]])[0].cluster_id for n in (0, 3, 5))
    store.verdicts.record(ids[1], [(ids[n], verdict()) for n in (3, 4)])
    store.verdicts.record(ids[1], [(ids[n], verdict()) for n in (5, 6)])
    # Then the larger kept its id, and each old id names the whole
    merged = store.clusters.of([ids[4]])[0]
    assert merged.cluster_id == large and set(merged.aliases) == {small, last}
    assert store.clusters.by_id(small) == store.clusters.by_id(last) == store.resolve(large) == merged
    assert store.images.infos([ids[0]])[0].clusters == (large, *sorted([small, last]))


def test_of_a_split_cluster_the_largest_part_keeps_the_id(store, make_image):
    # Given a cluster around an image that is forgotten, which leaves 0-1 and 3-4-5
    ids = fill(store, make_image, 6)
    store.verdicts.record(ids[2], [(ids[n], verdict()) for n in (0, 1, 3, 4, 5)])
    for a, b in ((0, 1), (3, 4), (4, 5)):
        record_verdict(store, ids[a], ids[b], verdict())
    assert store.clusters.representatives(ids) == [(ids[2],)] * 6
    whole = store.clusters.of([ids[0]])[0].cluster_id
    report = store.forgetting.forget(ids[2])
    kept, split = store.clusters.of([ids[5]])[0], store.clusters.of([ids[0]])[0]
    assert kept.cluster_id == whole and set(kept.members) == set(ids[3:6])
    # And the one that matches most of the others represents it now
    assert kept.representatives == (ids[4],)
    assert split.cluster_id != whole and set(split.members) == set(ids[:2])
    # And those that lost their connection are named, and wait to be linked again until they are
    assert set(report.unlinked) == set(ids[:2]) and store.links.waiting() == sorted(ids[:2])
    store.links.mark_linked(ids[0])
    assert (
        store.links.waiting() == [ids[1]]
        and store.links.is_linked(ids[0])
        and not store.links.is_linked(ids[1])
    )


def test_a_tie_goes_to_the_part_with_the_smallest_image_id(store, make_image):
    ids = fill(store, make_image, 5)
    store.verdicts.record(ids[2], [(ids[n], verdict()) for n in (0, 1, 3, 4)])
    for a, b in ((3, 4), (0, 1)):
        record_verdict(store, ids[a], ids[b], verdict())
    whole = store.clusters.of([ids[0]])[0].cluster_id
    store.forgetting.forget(ids[2])
    assert set(store.clusters.by_id(whole).members) == {ids[0], ids[1]}


def test_a_cluster_that_shrinks_to_one_image_keeps_its_ids_until_that_is_forgotten(store, make_image):
    # Given a cluster of two, which joined another one
    a, b, c, d = fill(store, make_image, 4)
    for x, y in ((a, b), (c, d), (a, c), (a, d)):
        record_verdict(store, x, y, verdict())
    names = store.clusters.names([a])[0]
    assert len(names) == 2 and store.clusters.names([d]) == [names]
    # When all but one are forgotten, then that has every id, and represents itself
    for gone in (b, c, d):
        store.forgetting.forget(gone)
    assert alone(store, a) and store.clusters.names([a]) == [names]
    assert all(store.resolve(name).representatives == (a,) for name in names)
    # And when it is forgotten, too, they name nothing
    store.forgetting.forget(a)
    for name in names:
        with pytest.raises(NotFound, match="forgotten"):
            store.resolve(name)


def test_an_image_alone_keeps_its_id_for_good_whichever_cluster_it_joins(store, make_image):
    # Given two images that were linked and matched nothing, one of them twice
    a, b, c, d = fill(store, make_image, 4)
    first, second = store.clusters.give([a, b])
    assert None is not first != second is not None and store.clusters.give([b, a]) == [second, first]
    assert alone(store, a, b) and store.resolve(first).members == (a,)
    # Then neither the list of clusters nor a number of them has these
    assert store.stats().clusters == 0 and store.clusters.sizes() == {}
    assert store.clusters.shared([a, b]) == [None, None] and store.clusters.ids([a, b]) == [first, second]
    # When one joins a picture that is new, then that takes its id, and gets none of its own
    record_verdict(store, c, a, verdict())
    assert store.clusters.give([c]) == [first] and store.clusters.names([c]) == [(first,)]
    # When the other joins this larger cluster, then its id is told beside
    record_verdict(store, b, a, verdict())
    assert store.clusters.names([a, b, c]) == [(first, second)] * 3
    assert store.clusters.by_id(second).members == tuple(sorted([a, b, c]))
    # And when a person says that it is something else, then it leaves, with an id of its own
    veto(store, b, a)
    ((own,),) = store.clusters.names([b])
    assert own not in (first, second) and alone(store, b) and store.clusters.names([a]) == [(first, second)]
    # And undone, all of these are names of one cluster
    store.judgements.undo(b, a)
    assert set(store.clusters.names([b])[0]) == {first, second, own}
    assert store.clusters.names([d]) == [()] == store.clusters.names([ABSENT])


def test_an_image_that_is_forgotten_while_it_is_linked_gets_no_cluster(store, shared_server, make_image):
    # Given an image that is forgotten between the look at it and the change
    a, b = fill(store, make_image, 2)
    meta = store.clusters._intents.meta

    def forgotten_first(*arguments, **more):
        with mock.patch.object(store.clusters._intents, "meta", meta):
            if store.images.records([a]) != [None]:
                store.forgetting.forget(a)
        return meta(*arguments, **more)

    with mock.patch.object(store.clusters._intents, "meta", forgotten_first):
        # Then it is in no cluster, and another one linked with it is
        assert store.clusters.give([a, b]) == [None, store.clusters.ids([b])[0]] and alone(store, b)
    assert store.clusters.give([a, ABSENT]) == [None, None] and store.clusters.give([]) == []
    assert a.encode() not in b" ".join(shared_server.redis.hkeys("dq:{meta}:cluster-of"))


def test_a_blank_image_leaves_only_a_cluster_of_its_own(store, make_image):
    # Given an image alone and two of a cluster, which are blank by newer rules
    a, b, c = fill(store, make_image, 3)
    store.clusters.give([a])
    record_verdict(store, b, c, verdict())
    for image_id in (a, b, c, a):
        store.clusters.settle(image_id, informative=False)
    assert store.clusters.of([a]) == [None] and partition(store, [b, c]) == {frozenset([b, c])}


def test_a_veto_outranks_every_score(store, make_image):
    a, b = fill(store, make_image, 2)
    store.verdicts.record(a, [(b, verdict(1.0))])
    assert veto(store, a, b) is RecordOutcome.VETOED
    assert alone(store, a, b)
    assert store.verdicts.of(a) == [] and store.verdicts.between(b, a) is None
    assert store.judgements.vetoed(b) == {a}
    assert record_verdict(store, b, a, verdict(1.0)) is RecordOutcome.VETOED
    assert store.verdicts.of(a) == store.verdicts.of(b) == []


def test_a_veto_cuts_the_weakest_edge_between_two_images_joined_through_others(store, make_image):
    # Given a, c and d, which all match b, d the least surely
    a, b, c, d = fill(store, make_image, 4)
    for x, y, confidence in ((a, b, 0.99), (b, c, 0.8), (b, d, 0.7)):
        record_verdict(store, x, y, verdict(confidence))
    veto(store, a, d)
    assert partition(store, [a, b, c, d]) == {frozenset([a, b, c]), frozenset([d])}
    # And no detour brings them together again; the verdict itself is kept
    assert record_verdict(store, c, d, verdict()) is RecordOutcome.APART
    assert partition(store, [a, b, c, d]) == {frozenset([a, b, c]), frozenset([d])}
    assert store.verdicts.between(c, d).verdict == verdict()


def test_an_image_is_never_judged_against_itself_and_a_veto_needs_both(store, make_image):
    a, *_ = fill(store, make_image, 1)
    with pytest.raises(ConfigError, match="itself"):
        record_verdict(store, a, a, verdict())
    with pytest.raises(ConfigError, match="itself"):
        veto(store, a, a)
    with pytest.raises(NotFound):
        veto(store, a, "0" * 64)
    assert store.judgements.vetoed(a) == set()


def test_a_large_cluster_splits_as_well(store, make_image):
    ids = fill(store, make_image, 600)
    for start in range(0, 600, 100):
        store.verdicts.record(ids[start], [(i, verdict()) for i in ids[start + 1 : start + 100]])
    store.verdicts.record(ids[0], [(i, verdict()) for i in ids[1:]])
    assert len(store.clusters.of([ids[0]])[0].members) == 600
    store.forgetting.forget(ids[0])
    assert sorted(len(part) for part in partition(store, ids[1:])) == [1] * 99 + [100] * 5
    assert all(
        not set(pair) <= set(part)
        for part in partition(store, ids[1:])
        for pair in itertools.combinations(ids[100:600:100], 2)
    )


def test_a_store_from_before_representatives_keeps_its_clusters(store, store_url, shared_server, make_image):
    # Given a chain that an older version joined: no representatives, and its schema,
    a, b, c, *_ = fill(store, make_image, 3)
    record_verdict(store, a, b, verdict())
    before = store.clusters.of([a])[0]
    record_verdict(store, b, c, verdict())
    redis = shared_server.redis
    redis.delete(*redis.keys("dq:{meta}:representatives:*"), *redis.keys("dq:{meta}:kept:*"))
    # collections without a checksum, notes without what they have now, and nothing counted,
    redis.hset("dq:{meta}:collections", "known", '{"purpose": "known", "created": 1790000000}')
    redis.hset(
        "dq:{meta}:hubs", a, '{"region": [0, 0, 1, 0.5], "pictures": 20, "images": 90, "met": 1790000000}'
    )
    redis.hset("dq:{meta}:bookmarks", "position", "page 7")
    redis.hset("dq:{meta}:head", "schema", 2)
    # when the store is opened,
    with Store.open(Config(store=store_url)) as opened:
        cluster = opened.clusters.of([a])[0]
        # then the cluster has its id and images, and the image that all match represents it.
        assert (cluster.cluster_id, set(cluster.members)) == (before.cluster_id, {a, b, c})
        assert cluster.representatives == (b,)
        assert opened.collections.require("known").purpose is Purpose.KNOWN
        assert opened.common_regions.all() == [] and opened.bookmarks.get("position") == "page 7"
        opened.mark_upgraded()  # (its columns are of today)
        assert not [found for found in find_problems(opened) if "{meta}" in found.key]


def test_a_store_from_before_clusters_of_one_gives_each_linked_image_its_own(
    store, store_url, shared_server, make_image
):
    # Given a store of the schema before: a cluster of two, images that were linked and joined nothing, one
    # that is blank, one that was not linked and one that is forgotten
    a, b, *alone_there, unlinked, forgotten = fill(store, make_image, 700)
    blank = replace(make_image(700), informative=False)
    store.images.put(blank)
    record_verdict(store, a, b, verdict())
    for image_id in (a, b, *alone_there, blank.image_id, forgotten):
        store.links.mark_linked(image_id)
    store.forgetting.forget(forgotten)
    ((shared,),) = store.clusters.names([a])
    shared_server.redis.hset("dq:{meta}:head", "schema", 3)
    # When a program opens it and is killed after the first images, and then two open it at once
    killed = mock.patch.object(Clusters, "give", autospec=True, side_effect=killed_at_second_call())
    with killed, pytest.raises(KeyboardInterrupt):
        Store.open(Config(store=store_url))
    assert shared_server.redis.hget("dq:{meta}:head", "schema") == b"3"
    opened = in_threads(2, lambda: Store.open(Config(store=store_url)).close())
    # Then each of them that is informative and was linked has one cluster, and the others have what they had
    assert opened == [None, None]
    assert alone(store, *alone_there) and len(set(store.clusters.ids(alone_there))) == len(alone_there)
    assert store.clusters.names([a, b]) == [(shared,), (shared,)]
    assert store.clusters.of([unlinked, blank.image_id, forgotten]) == [None] * 3
    assert store.stats().clusters == 1
    store.mark_upgraded()  # (its columns are of today)
    assert not [found for found in find_problems(store) if "{meta}" in found.key]
    # And opening it again gives nothing new
    before = store.clusters.names(alone_there)
    Store.open(Config(store=store_url)).close()
    assert store.clusters.names(alone_there) == before


def killed_at_second_call() -> Callable[..., Any]:
    """`Clusters.give`, interrupted at the second call."""
    give, calls = Clusters.give, itertools.count()

    def interrupted(*arguments: Any) -> Any:
        if next(calls):
            raise KeyboardInterrupt
        return give(*arguments)

    return interrupted


def in_threads(count: int, work: Callable[[], Any]) -> list[Any]:
    """What so many threads return that do this at once."""
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(work) for _ in range(count)]]


def test_images_that_many_link_at_once_get_one_cluster_each(store, make_image):
    ids = fill(store, make_image, 40)
    given = in_threads(4, lambda: [store.clusters.give([i])[0] for i in ids])
    assert all(names == given[0] for names in given) and alone(store, *ids)


def test_a_representative_that_is_no_image_id_is_named(store, shared_server, make_image):
    a, b = fill(store, make_image, 2)
    record_verdict(store, a, b, verdict())
    name = f"dq:{{meta}}:representatives:{store.clusters.ids([a])[0]}"
    shared_server.redis.delete(name)
    shared_server.redis.sadd(name, b"")
    with pytest.raises(CorruptRecord, match="representatives"):
        store.clusters.representatives([a])
