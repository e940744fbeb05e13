"""Clusters, vetoes and forgetting, checked against plain union-find on random graphs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from support.images import put_all, record_verdict
from support.judging import judge, veto

from douglas_quaid.errors import ConfigError, NotFound
from douglas_quaid.records import Decision, Evidence, JudgementWord, Relation, Verdict
from douglas_quaid.store import RecordOutcome, Store

IMAGES = 8
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


class Oracle:
    """Union-find over the edges that stand, in the dumbest way."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = set(ids)
        #: Confidence of the joining score of a pair.
        self.scores: dict[frozenset[str], float] = {}
        self.words: dict[frozenset[str], JudgementWord] = {}
        #: What stands, with its confidence.
        self.edges: dict[frozenset[str], float] = {}

    def components(self) -> set[frozenset[str]]:
        parts = {frozenset([i]) for i in self.ids}
        for edge in self.edges:
            touched = {part for part in parts if part & edge}
            parts = parts - touched | {frozenset().union(*touched)}
        return parts

    def violates(self) -> bool:
        vetoes = [pair for pair, word in self.words.items() if word in VETOES]
        return any(pair <= part for pair in vetoes for part in self.components())

    def wish(self, pair: frozenset[str]) -> float | None:
        """How surely a pair is to be joined."""
        word = self.words.get(pair, JudgementWord.UNSURE)
        return {JudgementWord.SAME: 1.0, JudgementWord.UNSURE: self.scores.get(pair)}.get(word)

    def settle(self, pair: frozenset[str]) -> RecordOutcome:
        """Give the pair the edge it is to have, take the edges of all clusters away and give them back, the
        surest first, unless one brings together what is to stay apart; then all others that are wished for.
        """
        if (wish := self.wish(pair)) is not None:
            self.edges[pair] = wish
            if self.violates():
                del self.edges[pair]
        else:
            self.edges.pop(pair, None)
        if self.violates():
            edges, self.edges = self.edges, {}
            for one in sorted(edges, key=lambda one: (-edges[one], sorted(one))):
                self.add(one, edges[one])
        waiting = {one: self.wish(one) or 0.0 for one in {*self.scores, *self.words} - {*self.edges}}
        for one in sorted(waiting, key=lambda one: (-waiting[one], sorted(one))):
            if waiting[one]:
                self.add(one, waiting[one])
        if wish is None:
            return RecordOutcome.VETOED if self.words.get(pair) in VETOES else RecordOutcome.STORED
        return RecordOutcome.JOINED if pair in self.edges else RecordOutcome.APART

    def add(self, pair: frozenset[str], confidence: float) -> None:
        self.edges[pair] = confidence
        if self.violates():
            del self.edges[pair]

    def score(self, a: str, b: str, confidence: float | None) -> RecordOutcome:
        pair = frozenset([a, b])
        self.scores.pop(pair, None)
        if confidence is not None:
            self.scores[pair] = confidence
        return self.settle(pair)

    def judge(self, a: str, b: str, word: JudgementWord | None) -> RecordOutcome:
        pair = frozenset([a, b])
        self.words.pop(pair, None)
        if word is not None:
            self.words[pair] = word
        return self.settle(pair)

    def forget(self, a: str) -> None:
        self.ids.discard(a)
        for known in (self.edges, self.scores, self.words):
            for pair in [pair for pair in known if a in pair]:
                del known[pair]
        self.settle(frozenset())


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
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=30))
def test_clusters_are_the_components_of_the_edges_that_stand(store, shared_server, make_image, steps):
    # Given an empty store with a few images, and any row of scores, judgements, undos and forgets
    for tag in "0123456789abcdef":
        shared_server.redis.delete(*(shared_server.redis.keys(f"dq:{{{tag}}}:*") or ["none"]))
    shared_server.redis.delete(
        *(k for k in shared_server.redis.keys("dq:{meta}:*") if k != b"dq:{meta}:head"), "none"
    )
    ids = fill(store, make_image, IMAGES)
    oracle = Oracle(ids)
    seen: dict[str, frozenset[str]] = {}
    for kind, (x, y), confidence in steps:
        a, b = ids[x], ids[y]
        if not {a, b} <= oracle.ids:
            continue
        if kind == "join":
            assert record_verdict(store, a, b, verdict(confidence)) is oracle.score(a, b, confidence)
        elif kind == "part":
            partial = verdict(relation=Relation.PARTIAL)
            assert record_verdict(store, a, b, partial) is oracle.score(a, b, None)
        elif kind == "undo":
            if frozenset([a, b]) in oracle.words:
                store.judgements.undo(a, b)
                oracle.judge(a, b, None)
        elif isinstance(kind, JudgementWord):
            if oracle.words.get(frozenset([a, b])) in VETOES and kind not in VETOES:
                with pytest.raises(ConfigError, match="quaid undo"):
                    judge(store, a, b, kind)
            else:
                assert judge(store, a, b, kind) is oracle.judge(a, b, kind)
        else:
            store.forgetting.forget(a)
            oracle.forget(a)
        # Then the clusters are the components, an image alone has none, and an id that is gone never comes
        # back
        assert partition(store, oracle.ids) == oracle.components()
        clusters = {cluster.cluster_id for cluster in store.clusters.of(sorted(oracle.ids)) if cluster}
        gone = [name for name in seen if name not in clusters]
        assert not clusters & {name for name, members in seen.items() if not members}
        seen |= {
            cluster.cluster_id: frozenset(cluster.members)
            for cluster in store.clusters.of(sorted(oracle.ids))
            if cluster
        }
        seen |= {name: frozenset() for name in gone}
        assert store.stats().clusters == len(clusters)
    # And when all that persons said is taken back, they are what the scores alone give
    for pair in list(oracle.words):
        store.judgements.undo(*sorted(pair))
        oracle.judge(*pair, None)
    assert set(oracle.edges) == set(oracle.scores)
    assert partition(store, oracle.ids) == oracle.components()


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


def test_a_merged_cluster_keeps_its_old_ids_as_aliases(store, make_image):
    # Given a cluster of three and one of two, joined, and then a third
    ids = fill(store, make_image, 7)
    for a, b in ((0, 1), (1, 2), (3, 4), (5, 6)):
        record_verdict(store, ids[a], ids[b], verdict())
    large, small, last = (store.clusters.of([ids[n]])[0].cluster_id for n in (0, 3, 5))
    record_verdict(store, ids[2], ids[3], verdict())
    record_verdict(store, ids[5], ids[0], verdict())
    # Then the larger kept its id, and each old id names the whole
    merged = store.clusters.of([ids[4]])[0]
    assert merged.cluster_id == large and set(merged.aliases) == {small, last}
    assert store.clusters.by_id(small) == store.clusters.by_id(last) == store.resolve(large) == merged
    assert store.images.infos([ids[0]])[0].clusters == (large, *sorted([small, last]))


def test_of_a_split_cluster_the_largest_part_keeps_the_id(store, make_image):
    # Given a chain 0-1-2-3-4 of which the middle is forgotten after 3-4 got a companion
    ids = fill(store, make_image, 6)
    for a, b in ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5)):
        record_verdict(store, ids[a], ids[b], verdict())
    whole = store.clusters.of([ids[0]])[0].cluster_id
    report = store.forgetting.forget(ids[2])
    kept, split = store.clusters.of([ids[5]])[0], store.clusters.of([ids[0]])[0]
    assert kept.cluster_id == whole and set(kept.members) == set(ids[3:6])
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
    for a, b in ((3, 4), (4, 2), (2, 0), (0, 1)):
        record_verdict(store, ids[a], ids[b], verdict())
    whole = store.clusters.of([ids[0]])[0].cluster_id
    store.forgetting.forget(ids[2])
    assert set(store.clusters.by_id(whole).members) == {ids[0], ids[1]}


def test_a_cluster_of_one_dissolves_and_its_ids_name_nothing(store, make_image):
    a, b, c = fill(store, make_image, 3)
    record_verdict(store, a, b, verdict())
    old = store.clusters.of([a])[0].cluster_id
    store.forgetting.forget(b)
    assert store.clusters.of([a]) == [None]
    with pytest.raises(NotFound, match="dissolved"):
        store.resolve(old)
    record_verdict(store, a, c, verdict())
    assert store.clusters.of([a])[0].cluster_id != old


def test_a_veto_outranks_every_score(store, make_image):
    a, b = fill(store, make_image, 2)
    store.verdicts.record(a, [(b, verdict(1.0))])
    assert veto(store, a, b) is RecordOutcome.VETOED
    assert store.clusters.of([a, b]) == [None, None]
    assert store.verdicts.of(a) == [] and store.verdicts.between(b, a) is None
    assert store.judgements.vetoed(b) == {a}
    assert record_verdict(store, b, a, verdict(1.0)) is RecordOutcome.VETOED
    assert store.verdicts.of(a) == store.verdicts.of(b) == []


def test_a_veto_cuts_the_weakest_edge_between_two_images_joined_through_others(store, make_image):
    # Given a - b - c - d, of which b - c is the least sure
    a, b, c, d = fill(store, make_image, 4)
    for x, y, confidence in ((a, b, 0.99), (b, c, 0.8), (c, d, 0.9)):
        record_verdict(store, x, y, verdict(confidence))
    veto(store, a, d)
    assert partition(store, [a, b, c, d]) == {frozenset([a, b]), frozenset([c, d])}
    # And no detour brings them together again; the verdict itself is kept
    assert record_verdict(store, b, d, verdict()) is RecordOutcome.APART
    assert partition(store, [a, b, c, d]) == {frozenset([a, b]), frozenset([c, d])}
    assert store.verdicts.between(b, d).verdict == verdict()


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
    store.verdicts.record(ids[0], [(ids[start], verdict()) for start in range(100, 600, 100)])
    assert len(store.clusters.of([ids[0]])[0].members) == 600
    store.forgetting.forget(ids[0])
    assert sorted(len(part) for part in partition(store, ids[1:])) == [1] * 99 + [100] * 5
    assert all(
        not set(pair) <= set(part)
        for part in partition(store, ids[1:])
        for pair in itertools.combinations(ids[100:600:100], 2)
    )
