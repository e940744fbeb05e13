"""Types of the kernels in _postings.c."""

import numpy as np
from numpy.typing import NDArray

def vote(
    postings: NDArray[np.uint32],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    weights: NDArray[np.float64],
    votes: NDArray[np.float64],
    /,
) -> None:
    """Add to `votes`, f64[65536], the weight of each word (w,) once for each row that has it. The postings of
    a word are `lengths` many from `starts` on.
    """

def held(
    postings: NDArray[np.uint32],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    number: NDArray[np.int64],
    numbers: NDArray[np.int64],
    words: NDArray[np.int64],
    quantised: NDArray[np.uint16],
    /,
) -> int:
    """Write the postings of rows whose `number`, i64[65536], is not negative: that number, which word it is,
    and the quantised keypoint, word by word; return how many. There must be room for all postings.
    """
