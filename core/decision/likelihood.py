"""Confidence in the words of intelligence analysis: the bands of MISP's `estimative-language`."""

#: spec: MISP taxonomies, estimative-language, likelihood-probability: the minimum probability of each band.
BANDS = (
    (0.95, "almost-certain"),
    (0.80, "very-likely"),
    (0.55, "likely"),
    (0.45, "roughly-even-chance"),
    (0.20, "unlikely"),
    (0.05, "very-unlikely"),
    (0.0, "almost-no-chance"),
)
#: Probability from which a band is told beside the decision `review`: below, the two would contradict each
#: other. spec: as BANDS, roughly-even-chance.
TOLD_FROM = 0.45


def band(confidence: float) -> str:
    """Return the band of a probability from 0 to 1."""
    return next(name for least, name in BANDS if confidence >= least)
