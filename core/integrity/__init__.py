"""Whether a store is whole: every key against what must be under it, and against all other keys that say the
same. Start reading in check.py.
"""
