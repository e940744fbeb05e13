"""What the engine says in values, in sentences for a person."""

from __future__ import annotations

import re

from ..records import Contribution, Decision, JudgementWord, Reason, Relation

#: What each reason means for the pair on the page.
REASONS = {
    Reason.SAME_BYTES: "The two files are equal, byte for byte.",
    Reason.SAME_PIXELS: "The pixels are equal; the files are not.",
    Reason.PERSON: "A person judged this pair.",
    Reason.BLANK: "One of the two pictures is blank or nearly so.",
    Reason.NO_GEOMETRY: "Nothing lays one picture over the other.",
    Reason.INCOMPARABLE: "Details could not be compared: of one picture only hashes were kept, or an older"
    " version described it.",
    Reason.CONTENT_NOT_COMPARED: "The content was not compared, so nothing could speak against a match.",
    Reason.FRAMES_DIFFER: "The files share this frame or page, and one of them has others, too.",
    Reason.CONTEXT_CUT: "The search ended before other candidates were compared.",
    Reason.RIVAL: "Another picture agrees with the same part.",
    Reason.CONTENT_DIFFERS: "In some places stands something else of the same kind, as other"
    " values in a form.",
    Reason.OTHER_CODE: "A code in the same place says something else.",
    Reason.AMBIGUOUS: "Many different pictures agree equally well.",
    Reason.COMMON_REGION: "All that the two share is found in too many pictures.",
    Reason.IGNORED: "All that the two share is an ignored picture.",
    Reason.TEMPLATE: "Same layout, other content.",
    Reason.BASELINE: "The other is a page of a baseline with the same design.",
    Reason.OBJECT: "A logo or an icon of a baseline stands in the picture.",
    Reason.WEAK_EVIDENCE: "The evidence is too weak for a clear answer.",
}

#: What a decision is called.
DECISIONS = {
    Decision.MATCH: "match",
    Decision.REVIEW: "a person should look",
    Decision.NO_MATCH: "no match",
}

#: What a relation is called.
RELATIONS = {
    Relation.IDENTICAL: "the same picture",
    Relation.NEAR_DUPLICATE: "the same picture, changed a little",
    Relation.PARTIAL: "one holds a part of the other",
    Relation.LOOKS_LIKE: "same design, another picture",
    Relation.SAME_TEMPLATE: "same layout, other content",
}

#: What a person may say: the key, the word, what the button says.
ANSWERS = (
    ("1", JudgementWord.SAME, "Same picture"),
    ("2", JudgementWord.PART, "Part of it"),
    ("3", JudgementWord.SAME_DESIGN, "Same design, not a copy"),
    ("4", JudgementWord.DIFFERENT, "Not the same"),
    ("0", JudgementWord.UNSURE, "Cannot tell"),
)

#: What each word of a person is called.
SAID = {word: text for _, word, text in ANSWERS}

#: What predictors are called; others have their names with spaces.
_PREDICTORS = {
    "prior": "before looking",
    "pdq_bits": "hash distance",
    "inliers": "matching keypoints",
    "coverage": "share covered",
    "fine_blocks": "small details compared",
    "fine_copy": "small details that agree",
    "differences": "places that differ",
    "without_transform": "nothing aligns them",
}
_SIDE = re.compile(r"\b(?:the )?(query|reference)\b")


def sentences(text: str) -> list[str]:
    """Return the parts of a verdict's sentence; the query is picture A, the reference picture B."""
    named = _SIDE.sub(lambda side: "A" if side[1] == "query" else "B", text)
    return [part[:1].upper() + part[1:] for part in named.split("; ") if part]


def predictor(contribution: Contribution) -> str:
    """Return what the predictor of a contribution is called."""
    name = contribution.predictor
    return _PREDICTORS.get(name, name.replace("_", " "))
