"""Engine options that tests share."""

from __future__ import annotations

from douglas_quaid.options import Options
from douglas_quaid.search.options import ContextOptions, RivalOptions, SearchOptions

#: Every store counts as one that has enough images to know rivals.
LARGE_STORE = Options(search=SearchOptions(context=ContextOptions(rivals=RivalOptions(minimum_images=1))))
