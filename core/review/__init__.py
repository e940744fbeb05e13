"""Questions to a person: which pairs to show in which order, what a page shows of a pair, and what becomes of
the answers. Start reading in queue.py.
"""
