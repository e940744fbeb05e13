"""A sample of tests/benchmarks/mutated_pictures.py: whatever is done to a file, it gives a picture or an
ImageError.
"""

from __future__ import annotations

from benchmarks.mutated_pictures import bases, examine, mutated


def test_mutated_pictures_give_a_picture_or_an_image_error() -> None:
    tally = examine(range(400), seed=2)

    assert tally.faults == []
    assert tally.outcomes.total() == 400
    assert {"picture", "cut short", "CorruptImage"} <= {outcome for _, outcome in tally.outcomes}


def test_the_same_seed_gives_the_same_inputs_of_all_kinds() -> None:
    kinds = {mutated(number, 7)[0] for number in range(2000)}

    assert kinds == set(bases())
    assert mutated(5, 7) == mutated(5, 7) != mutated(5, 8)
