"""How good are the answers? Pictures with known truth are edited, asked for and judged; `quaid evaluate` runs
it.
"""
