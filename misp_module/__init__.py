"""MISP's side of Douglas-Quaid: an expansion and hover module for misp-modules, and `quaid misp`.

Translation only: a request of MISP becomes a question to `Engine`, its answer becomes MISP's objects. Nothing
here judges pictures.
"""
