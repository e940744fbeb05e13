"""Do chains of near duplicates join unrelated pictures, and do families of one picture stay together?

Draws seeded families (cluster_families.py): cross-fades and drifts, whose ends must not come together, and
copies of copies, captures of one page and versions of pages, which should. Every pair of a family is verified
once. Then each family is added in twelve orders (as made, backwards, from the middle, and nine by the seed)
under each rule of joining. As in life, a new picture is compared with two members of a cluster, the nearest,
and with its representative.

Counted: of attacks, orders in which both ends are in one cluster; of families, pairs that are in one cluster
among those that single linkage joins. Must: the chosen rule joins no ends.

    python -m benchmarks.cluster_chains --pictures DIR [--sample] [--seed N]
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from douglas_quaid.config import Config
from douglas_quaid.decision.calibration_file import shipped
from douglas_quaid.decision.decide import Context, decide
from douglas_quaid.extraction.pool import extractor_of
from douglas_quaid.features.picture import Picture
from douglas_quaid.store import joins
from douglas_quaid.verification.verify import verify

from . import report
from .cluster_families import Family, families
from .corpus import Corpus

#: Seed of the orders.
SEED = 1
EACH = 8
ORDERS = 9

#: Confidence of each pair that joins, by the later and the earlier picture.
Matrix = list[list[float | None]]
#: The pairs that are known, as neighbours of each picture.
Edges = dict[int, set[int]]
#: Takes the larger and the smaller cluster, its first member being the representative, the two pictures that
#: match, and the edges; returns the representative of the union, None where they stay apart.
Rule = Callable[[list[int], list[int], tuple[int, int], Edges], int | None]


def agrees(picture: int, other: int, edges: Edges) -> bool:
    return picture == other or other in edges[picture]


def single(large: list[int], small: list[int], pair: tuple[int, int], edges: Edges) -> int | None:
    return large[0]


def first(large: list[int], small: list[int], pair: tuple[int, int], edges: Edges) -> int | None:
    """Each must agree with the first member."""
    return large[0] if all(agrees(one, large[0], edges) for one in small) else None


def or_members(count: Callable[[int], float]) -> Rule:
    """Each must agree with the first member, or with so many of the cluster."""

    def rule(large: list[int], small: list[int], pair: tuple[int, int], edges: Edges) -> int | None:
        def is_in(one: int) -> bool:
            return agrees(one, large[0], edges) or len(edges[one] & {*large}) >= count(len(large))

        return large[0] if all(map(is_in, small)) else None

    return rule


def complete(large: list[int], small: list[int], pair: tuple[int, int], edges: Edges) -> int | None:
    return large[0] if all(one in edges[other] for one in large for other in small) else None


def chosen(large: list[int], small: list[int], pair: tuple[int, int], edges: Edges) -> int | None:
    """All must agree with one: either representative, or one of the two that match (clusters.lua)."""
    proposed = (large[0], small[0], *pair)
    both = [*large, *small]
    return next((one for one in proposed if all(agrees(other, one, edges) for other in both)), None)


RULES: dict[str, Rule] = {
    "single linkage": single,
    "first member": first,
    "first, or 2 members": or_members(lambda size: 2),
    "first, or 3 members": or_members(lambda size: 3),
    "first, or half": or_members(lambda size: size / 2),
    "complete linkage": complete,
    "chosen": chosen,
}


def main() -> int:
    options = report.arguments(__doc__).parse_args()
    corpus = Corpus.load(options.pictures)
    drawn = families(corpus, 2 if options.sample else EACH, options.seed)
    lines, ends = table([(family, measured(family)) for family in drawn])
    print("\n".join(lines))
    return 1 if ends else 0


def measured(family: Family) -> Matrix:
    """Verify each pair of a family, in both directions."""
    extractor, calibration = extractor_of(Config()), shipped()
    pictures = [Picture(extractor.extract(data, name=family.kind).features) for data in family.pictures]

    def confidence(query: Picture, reference: Picture) -> float | None:
        verdict = decide(verify(query, reference).evidence, Context(), calibration)
        return verdict.confidence if joins(verdict) else None

    return [[None if q is r else confidence(q, r) for r in pictures] for q in pictures]


def table(found: Sequence[tuple[Family, Matrix]]) -> tuple[list[str], int]:
    """Return the rows, one of each kind, and how often the chosen rule joined both ends of an attack."""
    lines = ["| kind | families | " + " | ".join(RULES) + " |", "|---" * (len(RULES) + 2) + "|"]
    joined_ends = 0
    for kind in dict.fromkeys(family.kind for family, _ in found):
        shares, orders, of_kind = (
            defaultdict[str, float](float),
            0,
            [one for one in found if one[0].kind == kind],
        )
        for family, matrix in of_kind:
            for order in orders_of(len(matrix)):
                orders += 1
                reference = clusters(matrix, order, single)
                for name, rule in RULES.items():
                    shares[name] += score(family, clusters(matrix, order, rule), reference)
        joined_ends += round(shares["chosen"]) if of_kind[0][0].attack else 0
        cells = [f"{100 * shares[name] / orders:.1f} %" for name in RULES]
        lines.append(f"| {kind} | {len(of_kind)} | " + " | ".join(cells) + " |")
    return lines, joined_ends


def orders_of(size: int) -> Iterator[list[int]]:
    rng, made = random.Random(SEED), list(range(size))
    yield made
    yield made[::-1]
    yield sorted(made, key=lambda n: abs(n - size // 2))
    for _ in range(ORDERS):
        yield rng.sample(made, size)


def score(family: Family, homes: dict[int, int], reference: dict[int, int]) -> float:
    """Of an attack 1 if its ends are together; else the share of the pairs of the reference that are."""
    if family.attack:
        return float(homes[0] == homes[len(homes) - 1])
    pairs = [(a, b) for a in homes for b in homes if a < b and reference[a] == reference[b]]
    return sum(homes[a] == homes[b] for a, b in pairs) / len(pairs) if pairs else 1.0


def clusters(matrix: Matrix, order: Sequence[int], rule: Rule) -> dict[int, int]:
    """Return the cluster of each picture after they were added in this order."""
    home: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    edges: Edges = {picture: set() for picture in order}
    for new in order:
        known = compared(matrix[new], members)
        for other in known:
            edges[new].add(other)
            edges[other].add(new)
        home[new], members[new] = new, [new]
        waiting = [(other, new) for other in known]
        while waiting:
            a, b = waiting.pop(0)
            large, small = sorted((home[a], home[b]), key=lambda one: (-len(members[one]), one != home[a]))
            if large == small or (lead := rule(members[large], members[small], (a, b), edges)) is None:
                continue
            if lead != members[large][0]:  # others may agree with a new representative
                waiting += [(one, other) for one in members[large] for other in sorted(edges[one])]
            both = members[large] + members.pop(small)
            members[large] = [lead, *(one for one in both if one != lead)]
            home |= dict.fromkeys(both, large)
    return home


def compared(row: Sequence[float | None], members: dict[int, list[int]]) -> list[int]:
    """The pictures that a new one matches, as far as it is compared with them, the surest first."""
    found: set[int] = set()
    for some in members.values():
        matching = sorted((one for one in some if row[one] is not None), key=lambda one: -(row[one] or 0))
        found.update(matching[:2], *([some[:1]] if row[some[0]] is not None else []))
    return sorted(found, key=lambda one: -(row[one] or 0))


if __name__ == "__main__":
    sys.exit(main())
