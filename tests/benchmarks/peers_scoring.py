"""Compares systems with different scores fairly: by what they find at their published limit, and at equal
numbers of false matches.

Takes scored pairs, where a greater score means more similar, returns shares of pairs found. A system may have
several scores for a pair, one for each limit that could be moved; the first is the one of its published
limit.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

#: Strata: an edited picture against its original, against an unrelated picture, and against another page of
#: its site.
RIGHT, OTHER, SAME_SITE = "right", "other", "same site"
#: Score of a pair that a system cannot compare, because one of the two has no features.
NOTHING = -math.inf

#: Columns of the short tables; each edit of the suite is in one of them.
GROUPS = {
    "resized, compressed, blurred, noise": (
        "resize_50",
        "resize_33",
        "thumbnail_256",
        "squash",
        "jpeg_30",
        "jpeg_10",
        "resize_50_jpeg_30",
        "blur",
        "noise",
    ),
    "recoloured": (
        "brightness_contrast",
        "gamma",
        "saturation",
        "hue_shift",
        "greyscale",
        "sepia",
        "night_mode",
        "inversion",
    ),
    "mirrored, 90°": ("mirror", "rotate_90"),
    "2-45°, perspective": ("rotate_2", "rotate_5", "rotate_45", "perspective"),
    "bar, border, frame": (
        "browser_bar",
        "border_10",
        "border_bar",
        "rounded_shadow",
        "browser_bar_resize_75_jpeg_50",
    ),
    "banner, window, writing": ("banner", "watermark", "written_on", "pixelated", "window"),
    "crop to 0.9, 0.75": ("crop_90", "crop_75", "crop_75_resize_75_jpeg_50"),
    "crop to 0.5": ("crop_50",),
    "embedded at 40 %": ("embed_40",),
}


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of one system for one pair."""

    #: Name of the system.
    system: str
    #: Kind of the query: screenshots or photographs.
    kind: str
    #: RIGHT, OTHER or SAME_SITE.
    stratum: str
    #: File of the query.
    query: str
    #: Edit of the query.
    edit: str
    #: File of the reference.
    reference: str
    #: One score for each limit of the system.
    scores: tuple[float, ...]
    #: CPU time of the comparison.
    seconds: float


@dataclass(frozen=True, slots=True)
class Rule:
    """Accepts pairs with a score above a limit."""

    #: Which score counts.
    place: int
    #: The limit.
    above: float

    def accepts(self, pair: Scored) -> bool:
        """Return whether the pair is accepted."""
        return pair.scores[self.place] > self.above


def published(limit: float) -> Rule:
    """Return the rule that the first score is at least `limit`."""
    return Rule(0, math.nextafter(limit, -math.inf))


def at_budget(pairs: Sequence[Scored], allowed: int, *, place: int) -> Rule:
    """The most permissive rule by score number `place` that accepts at most `allowed` pairs of
    stratum OTHER.
    """
    wrong = sorted((pair.scores[place] for pair in pairs if pair.stratum == OTHER), reverse=True)
    return Rule(place, wrong[allowed] if allowed < len(wrong) else NOTHING)


def best_at_budget(pairs: Sequence[Scored], allowed: int) -> Rule:
    """Return the rule of `at_budget` for the score that then finds the most."""
    right = [pair for pair in pairs if pair.stratum == RIGHT]
    rules = [at_budget(pairs, allowed, place=place) for place in range(len(pairs[0].scores))]
    return max(rules, key=lambda rule: mean_found(right, rule))


def accepted(pairs: Iterable[Scored], rule: Rule) -> int:
    """Return the number of pairs that the rule accepts."""
    return sum(map(rule.accepts, pairs))


def found_by_edit(right: Iterable[Scored], rule: Rule) -> dict[str, float]:
    """Return the share of pairs accepted, edit by edit."""
    hits: dict[str, list[bool]] = defaultdict(list)
    for pair in right:
        hits[pair.edit].append(rule.accepts(pair))
    return {edit: sum(found) / len(found) for edit, found in hits.items()}


def mean_found(right: Iterable[Scored], rule: Rule, edits: Sequence[str] | None = None) -> float:
    """Return the mean over all edits, or over `edits`, equally weighted; NaN if there are none."""
    shares = found_by_edit(right, rule)
    chosen = [share for edit, share in shares.items() if edits is None or edit in edits]
    return sum(chosen) / len(chosen) if chosen else math.nan
