"""The MISP adapter of Douglas-Quaid: an expansion and hover module for misp-modules, and `quaid misp`.

The adapter only translates: a request of MISP becomes a call of `Engine`, and the result becomes MISP
objects. No code here judges pictures.
"""
