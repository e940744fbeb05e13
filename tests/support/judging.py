"""A person's word about two images of a store, for tests that do not care who said it."""

from __future__ import annotations

from douglas_quaid.records import PERSON, Decision, Evidence, Judgement, JudgementWord, Relation, Verdict
from douglas_quaid.store import RecordOutcome, Store

#: What `confirm` stores.
SAID = Verdict(
    Decision.MATCH, Relation.NEAR_DUPLICATE, 1.0, Evidence(pdq_bits=120), PERSON, "a person confirmed it"
)


def judge(store: Store, a: str, b: str, word: JudgementWord) -> RecordOutcome:
    """Judge two images, with the verdict that the word needs."""
    verdict = SAID if word in (JudgementWord.SAME, JudgementWord.PART) else None
    return store.judgements.judge(a, b, word, who="analyst", source="test", verdict=verdict)


def veto(store: Store, a: str, b: str) -> RecordOutcome:
    """Say that two images are not the same."""
    return judge(store, a, b, JudgementWord.DIFFERENT)


def confirm(store: Store, a: str, b: str) -> RecordOutcome:
    """Say that two images are the same."""
    return judge(store, a, b, JudgementWord.SAME)


def judgement(store: Store, a: str, b: str) -> Judgement | None:
    """What a person said of two images, as `a` has it; None when nobody said anything."""
    return next((one for one in store.judgements.of(a) if one.image_id == b), None)
