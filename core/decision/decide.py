"""From evidence to a verdict: decision, relation, confidence, reasons, and the sentence an analyst reads.

`decide` is called once for each candidate of a view, when everything about it is known. Where a piece is
missing that could refute a match (no thumbnail, another extractor version, hashes alone), the answer ends at
`review`. Pictures that geometry aligns and content separates are `same-template`, which is a `no-match`, and
so are two fillings of one template: something stands in several places of the one where the other has
something else of its kind, or a code that is most of it says something else. No calibration outweighs that,
since such pairs agree in everything else; against a baseline they may be `looks-like`, which is at most a
`review`, with a confidence of its own: that one imitates the other.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from ..records import PERSON, Configuration, Decision, Evidence, ImageId, Reason, Relation, Verdict
from .calibration import Calibration
from .curves import curve
from .options import DEFAULTS, ReplacedOptions, VerdictOptions
from .sentence import has_twin, is_covered, is_other_code, reasons_of, sentence, shows_little


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is known about a pair besides its own evidence: its place among the other candidates of a search.
    A pair compared by itself has the default.

    Every field but `baseline` is also a field of the evidence, which explains it: `decide` puts it there.
    """

    #: Whether the reference is a page of a baseline, which others may look like.
    baseline: bool = False
    #: See `Evidence.rival_inliers`.
    rival_inliers: int | None = None
    #: See `Evidence.twin_inliers`.
    twin_inliers: int | None = None
    #: See `Evidence.ambiguous_with`.
    ambiguous_with: int | None = None
    #: See `Evidence.common_region_pictures`.
    common_region_pictures: int | None = None
    #: See `Evidence.common_region_images`.
    common_region_images: int | None = None
    #: See `Evidence.ignored_image`.
    ignored_image: ImageId | None = None
    #: See `Evidence.context_cut`.
    context_cut: bool | None = None

    @classmethod
    def of(cls, evidence: Evidence, *, baseline: bool) -> Context:
        """Return the context that a stored verdict's evidence holds."""
        return cls(baseline=baseline, **{name: getattr(evidence, name) for name in _IN_EVIDENCE})

    @property
    def dismissed(self) -> bool:
        """Return whether all that the two share is a common region or an ignored picture."""
        return self.common_region_pictures is not None or self.ignored_image is not None

    def added_to(self, evidence: Evidence) -> Evidence:
        """Return the evidence with the fields of this context."""
        return replace(evidence, **{name: getattr(self, name) for name in _IN_EVIDENCE})


_IN_EVIDENCE = tuple(field.name for field in fields(Context) if field.name != "baseline")


def decide(
    evidence: Evidence,
    context: Context,
    calibration: Calibration,
    *,
    options: VerdictOptions = DEFAULTS.verdict,
) -> Verdict:
    """Return the verdict about a pair with this evidence, which stands in this context."""
    evidence = context.added_to(evidence)
    probability = calibration.probability(evidence)
    accepted = (
        None
        if context.dismissed
        else _accepted(evidence, probability, calibration, options, baseline=context.baseline)
    )
    outnumbered = _outnumbered(evidence, calibration, options) if accepted is None else None
    confidence, relation = _confidence(evidence, accepted, probability, calibration, options), accepted
    if outnumbered is not None:
        decision, relation = Decision.REVIEW, outnumbered
        confidence = max(confidence, calibration.thresholds.review)
    elif accepted is None:
        decision = Decision.NO_MATCH
        little = shows_little(evidence, options) and not _is_whole(evidence, calibration)
        layout = is_other_code(evidence, options) or _same_layout(evidence, calibration)
        if layout and not little and not context.dismissed:
            relation = Relation.SAME_TEMPLATE
        other_brand = context.baseline and is_other_brand(evidence, probability, calibration, options)
        if little or other_brand or _is_other_content(evidence, options):
            confidence = min(confidence, calibration.thresholds.review / 2)
    else:
        certain = accepted is Relation.IDENTICAL
        possible = certain or (
            accepted is not Relation.LOOKS_LIKE and may_match(evidence, calibration, options)
        )
        sure = confidence >= calibration.thresholds.match
        decision = Decision.MATCH if possible and sure else Decision.REVIEW
    reasons = reasons_of(evidence, decision, relation, options)
    words = sentence(evidence, relation, reasons, options=options)
    return Verdict(decision, relation, confidence, evidence, calibration.id, words, reasons)


def decide_stored(
    evidence: Evidence,
    calibration: Calibration,
    *,
    baseline: bool = False,
    options: VerdictOptions = DEFAULTS.verdict,
) -> Verdict:
    """Return the verdict of evidence that holds its context already, such as that of a stored verdict."""
    return decide(evidence, Context.of(evidence, baseline=baseline), calibration, options=options)


def accepted_relation(
    evidence: Evidence,
    calibration: Calibration,
    *,
    baseline: bool = False,
    options: VerdictOptions = DEFAULTS.verdict,
) -> Relation | None:
    """Return the relation with which the evidence would be a match or a review; None if it would be neither.

    It is asked before everything about a candidate is known, to do expensive work for the promising only.
    """
    return _accepted(evidence, calibration.probability(evidence), calibration, options, baseline=baseline)


def _accepted(
    evidence: Evidence,
    probability: float,
    calibration: Calibration,
    options: VerdictOptions,
    *,
    baseline: bool,
) -> Relation | None:
    """As `accepted_relation`; `probability` is that of the evidence."""
    if evidence.same:
        return Relation.IDENTICAL
    if evidence.configuration is Configuration.OBJECT:
        held = _object_probability(evidence, options) >= options.held_object.minimum
        return Relation.LOOKS_LIKE if baseline and held else None
    possible = evidence.matrix is not None and not (
        baseline and is_other_brand(evidence, probability, calibration, options)
    )
    if possible and probability >= calibration.thresholds.review and not _is_other_content(evidence, options):
        if evidence.same_frames and _is_whole(evidence, calibration):
            return Relation.NEAR_DUPLICATE
        if not shows_little(evidence, options):
            return Relation.PARTIAL
    if baseline and calibration.likeness(evidence) >= calibration.thresholds.looks_like_review:
        return Relation.LOOKS_LIKE
    return None


def is_other_brand(
    evidence: Evidence, probability: float, calibration: Calibration, options: VerdictOptions
) -> bool:
    """Return whether a page of a baseline has the layout of another brand's page: too little agrees for a
    match, and neither emblems nor colours do.
    """
    sure = probability >= calibration.thresholds.match and may_match(evidence, calibration, options)
    if sure or evidence.likeness is None:
        return False
    # (without the content, of which pages of one framework share much)
    return calibration.same_design(Evidence(likeness=evidence.likeness)) < options.other_brand


def _outnumbered(evidence: Evidence, calibration: Calibration, options: VerdictOptions) -> Relation | None:
    """The relation of a pair that would be a match if other pictures did not agree with the query as well,
    and of which one picture is nearly all the other shows; else None.

    Whoever pastes a page into many others makes all of it common. So other pictures take a match from a part,
    and leave a review of a picture.
    """
    alone = replace(evidence, ambiguous_with=None, common_region_pictures=None, common_region_images=None)
    if alone == evidence or evidence.ignored_image is not None or not is_refutable(evidence):
        return None
    covered = max(evidence.covered_query or 0.0, evidence.covered_reference or 0.0)
    agrees = (evidence.content_agreement or 0.0) >= options.held_agreement
    probability = calibration.probability(alone)
    if covered < options.held_coverage or not agrees or probability < calibration.thresholds.match:
        return None
    return _accepted(alone, probability, calibration, options, baseline=False)


def _is_other_content(evidence: Evidence, options: VerdictOptions) -> bool:
    return is_other_filling(evidence, options) or is_other_code(evidence, options)


def is_other_filling(evidence: Evidence, options: VerdictOptions = DEFAULTS.verdict) -> bool:
    """Return whether the two are fillings of one template: several places have other content."""
    return _replaced(evidence, options.filling)


def is_altered(evidence: Evidence, options: VerdictOptions = DEFAULTS.verdict) -> bool:
    """Return whether so much was replaced or covered that a person has to decide whether it is the same
    picture.
    """
    large = (evidence.replaced_share or 0.0) >= options.region_share
    return large or is_covered(evidence, options) or _replaced(evidence, options.altered)


def _replaced(evidence: Evidence, options: ReplacedOptions) -> bool:
    """Whether enough was replaced, and explains enough of what does not agree."""
    share, differing = evidence.replaced_share or 0.0, 1 - (evidence.fine_agreement or 0.0)
    regions = (evidence.replaced_regions or 0) >= options.regions
    beside = (evidence.replaced_beside or 0) >= options.blocks
    return regions and beside and share >= max(options.share, options.explained * differing)


def is_refutable(evidence: Evidence) -> bool:
    """Return whether the content was compared by the same extractors, so that it could have said no: a match
    of pictures that are not equal needs that.
    """
    compared = evidence.content_agreement is not None
    return compared and evidence.configuration is not Configuration.INCOMPARABLE


def confirmed(
    known: Verdict, calibration: Calibration, *, options: VerdictOptions = DEFAULTS.verdict
) -> Verdict:
    """Return the verdict of a person who says of a pair with this verdict: the same source picture.

    A part stays a part; everything else counts as whole, unless a transform says that only parts agree.
    """
    evidence, relation = known.evidence, known.relation
    if relation not in (Relation.IDENTICAL, Relation.PARTIAL):
        whole = relation is None or evidence.matrix is None or _is_whole(evidence, calibration)
        relation = Relation.NEAR_DUPLICATE if whole else Relation.PARTIAL
    measured = "" if known.calibration_id == PERSON else sentence(evidence, relation, options=options)
    words = f"a person confirmed it; {measured}" if measured else known.sentence
    return Verdict(Decision.MATCH, relation, 1.0, evidence, PERSON, words, (Reason.PERSON,))


def _confidence(
    evidence: Evidence,
    accepted: Relation | None,
    probability: float,
    calibration: Calibration,
    options: VerdictOptions,
) -> float:
    """Probability that both show the same source picture; of looks-like, that one imitates the other."""
    if evidence.same:
        return 1.0 if evidence.same_bytes else options.certain
    if accepted is Relation.LOOKS_LIKE and evidence.configuration is Configuration.OBJECT:
        return _object_probability(evidence, options)
    if accepted is Relation.LOOKS_LIKE:
        return calibration.likeness(evidence)
    uncertain = min(options.certain, probability)
    if accepted is None or may_match(evidence, calibration, options):
        return uncertain
    if has_twin(evidence, options):
        return min(uncertain, options.one_of_two)
    return min(uncertain, calibration.thresholds.match)


def object_likeness(evidence: Evidence, options: VerdictOptions = DEFAULTS.verdict) -> float:
    """Return how much one of the two is like a place in the other, where it stands there as an object."""
    return (evidence.object_agreement or 0.0) + options.held_object.lead * (evidence.object_lead or 0.0)


def _object_probability(evidence: Evidence, options: VerdictOptions) -> float:
    """Probability that one of the two stands in the other as an object."""
    return curve(options.held_object.curve, object_likeness(evidence, options))


def is_match(
    evidence: Evidence, calibration: Calibration, options: VerdictOptions = DEFAULTS.verdict
) -> bool:
    """Return whether a pair that is aligned would be a match."""
    likely = calibration.probability(evidence) >= calibration.thresholds.match
    return likely and may_match(evidence, calibration, options)


def may_match(
    evidence: Evidence, calibration: Calibration, options: VerdictOptions = DEFAULTS.verdict
) -> bool:
    """Return whether a match is possible: the content was compared and not replaced, the other candidates
    were compared, and none that is another picture agrees as well; and the files do not just share a cover
    page, with other pages in both.
    """
    if evidence.context_cut or not is_refutable(evidence) or has_twin(evidence, options):
        return False
    if is_altered(evidence, options) or _is_other_content(evidence, options):
        return False
    return evidence.has_all_frames or not _is_whole(evidence, calibration)


def _same_layout(evidence: Evidence, calibration: Calibration) -> bool:
    agreement, thresholds = evidence.content_agreement, calibration.thresholds
    aligned = evidence.matrix is not None and (evidence.inliers or 0) >= thresholds.template_inliers
    return aligned and (agreement is None or agreement >= thresholds.template_agreement)


def _is_whole(evidence: Evidence, calibration: Calibration) -> bool:
    covered = min(evidence.covered_query or 0.0, evidence.covered_reference or 0.0)
    return covered >= calibration.thresholds.whole
