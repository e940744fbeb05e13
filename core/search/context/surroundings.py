"""What the other candidates say about each verified pair: rivals, twins, ambiguity, common and ignored
regions.

Takes the pairs of one view, returns the context of each. The expensive questions, whether all that a pair
shares is a common region or an ignored picture, are asked only about pairs that would be accepted.
"""

from collections.abc import Sequence
from dataclasses import replace

from ...decision.decide import Context, accepted_relation, is_match
from ...records import CommonRegion, Relation
from ..search import Search
from ..verified import Pair
from .ambiguity import ambiguous_with
from .common_regions import CommonRegions
from .ignored_regions import IgnoredRegions
from .rivals import rival_inliers
from .twins import Twins


class Surroundings:
    """What one query's candidates have around them; later views know the pairs of earlier ones."""

    def __init__(self, search: Search) -> None:
        self._verifying = search.timer
        self._search = replace(search, timer=search.timer.apart(search.options.effort.context_work))
        self._earlier: list[Pair] = []
        self._common = CommonRegions(self._search)
        self._ignored = IgnoredRegions(self._search)
        self._twins = Twins(self._search)

    @property
    def complete(self) -> bool:
        """Return whether nothing was left out so far."""
        return self._search.complete

    @property
    def common_regions(self) -> tuple[CommonRegion, ...]:
        """Return the common regions that the query has met."""
        return self._common.met

    def compare(self, pairs: Sequence[Pair]) -> list[Context]:
        """Return the context of each pair."""
        contexts, too_few = [], self._too_few(pairs)
        for pair in pairs:
            self._common.remember(pair)
            alone = Context(baseline=self._search.is_baseline(pair.image_id), context_cut=too_few or None)
            contexts.append(self._dismissed(pair, alone))
        contexts = self._with_rivals(pairs, contexts)
        accepted = [
            (pair.image_id, context.added_to(pair.evidence))
            for pair, context in zip(pairs, contexts, strict=True)
            if not context.dismissed and self._accepted(pair, context) is not None
        ]
        search = self._search
        too_many = ambiguous_with(
            accepted, search.calibration, search.cluster_of, options=search.options.context.ambiguity
        )
        contexts = [
            context if context.dismissed else replace(context, ambiguous_with=too_many.get(pair.image_id))
            for pair, context in zip(pairs, contexts, strict=True)
        ]
        contexts = [
            self._with_twins(pair, context, pairs) for pair, context in zip(pairs, contexts, strict=True)
        ]
        self._earlier += [pair for pair in pairs if pair.inliers]
        return contexts

    def _too_few(self, pairs: Sequence[Pair]) -> bool:
        """Whether the search was cut before as many candidates were verified as make a query ambiguous."""
        enough = self._search.options.context.ambiguity.pictures
        return bool(self._verifying.cuts) and len(pairs) + len(self._earlier) < enough

    def _with_rivals(self, pairs: Sequence[Pair], contexts: Sequence[Context]) -> list[Context]:
        """The contexts with rivals, in stores where they count. A pair that only its rivals make acceptable
        is asked about regions, too.
        """
        search, options = self._search, self._search.options.context.rivals
        if search.images < options.minimum_images:
            return list(contexts)
        inliers = rival_inliers(
            pairs,
            self._earlier,
            search.cluster_of,
            timer=search.timer,
            options=options,
            agreement=search.verification.agreement,
        )
        found = []
        for pair, context, (most, is_cut) in zip(pairs, contexts, inliers, strict=True):
            rivalled = replace(context, rival_inliers=most, context_cut=is_cut or context.context_cut)
            asked = context.dismissed or self._accepted(pair, context) is not None
            found.append(rivalled if asked else self._dismissed(pair, rivalled))
        return found

    def _with_twins(self, pair: Pair, context: Context, pairs: Sequence[Pair]) -> Context:
        """The context with the best twin of a pair that would be a match."""
        search, evidence = self._search, context.added_to(pair.evidence)
        certain = context.dismissed or evidence.same or not pair.inliers
        if certain or not is_match(evidence, search.calibration, search.verdict):
            return context
        return replace(context, twin_inliers=self._twins.inliers(pair, [*pairs, *self._earlier]))

    def _dismissed(self, pair: Pair, context: Context) -> Context:
        """The context of a pair with the region that is all it shares, where it would be accepted."""
        relation = self._accepted(pair, context)
        if relation is None:
            return context
        cuts = self._search.timer.cuts
        if (image_id := self._ignored.covering(pair)) is not None:
            return replace(context, ignored_image=image_id)
        if (region := self._common.all_shared(pair, relation)) is not None:
            return replace(
                context, common_region_pictures=region.pictures, common_region_images=region.images
            )
        # Ignored pictures are looked for once, so what was cut then is unknown for every later pair.
        is_cut = self._ignored.cut or self._search.timer.cuts > cuts
        return replace(context, context_cut=True) if is_cut else context

    def _accepted(self, pair: Pair, context: Context) -> Relation | None:
        search, evidence = self._search, context.added_to(pair.evidence)
        return accepted_relation(
            evidence, search.calibration, baseline=context.baseline, options=search.verdict
        )
