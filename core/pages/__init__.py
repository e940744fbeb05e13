"""The pages of the service for a browser: review, ask, browse. Start reading in pages.py.

They are a package beside `service/`, because they are for people and it is for programs: they have templates,
a session instead of a key in each request, and words for what the engine says in numbers.
"""
