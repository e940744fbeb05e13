"""Does a picture show enough to ask for it? Judged from pixels alone, never from what the engine makes of
them.

A random crop of a page may hold nothing but its background, and some pages are empty windows: nobody could
name their source. Such questions are not left out: they form the stratum "low texture" and are counted there.

The picture is averaged down to 256 x 256, and 32 x 32 cells of 8 x 8 are looked at: a cell shows something
when its darkest and its lightest place differ by more than a faint edge. Measured (2026-11, crops to 0.5 of
150 pages): 29 crops have no such cell or fewer than 2 in 100, the next have 2.6 in 100, a line of text;
photographs begin at 14.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

#: A side. chosen.
CELLS = 32
#: Places a cell's side. chosen.
ACROSS = 8
#: Grey levels. chosen: faint print has 30 after averaging.
CONTRAST = 16
#: Share of cells. measured, see above.
LEAST = 0.02


def is_low_texture(picture: Image.Image) -> bool:
    """True for an RGB picture that shows next to nothing."""
    return textured_share(picture) < LEAST


def textured_share(picture: Image.Image) -> float:
    """Share of the cells that show something, 0 to 1."""
    side = CELLS * ACROSS
    grey = np.asarray(picture.convert("L").resize((side, side), Image.Resampling.BOX), np.float32)
    cells = grey.reshape(CELLS, ACROSS, CELLS, ACROSS)
    return float((np.ptp(cells, axis=(1, 3)) > CONTRAST).mean())
