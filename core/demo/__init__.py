"""`quaid demo`: adds sample pictures to a throwaway store, queries it with edited copies and strangers, and
writes a page with the answers.

    pictures.py     the samples, and the edits
    queries.py      what is added, what is queried, what is expected
    run.py          adds, queries and writes the page
"""
