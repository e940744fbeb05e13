"""AIL's side of Douglas-Quaid: queue modules that correlate images and screenshots as they arrive, and `quaid
ail`.

Translation only: an object of AIL becomes a question to `Engine`, its answer becomes AIL's tags and
correlations. Nothing here judges pictures.
"""
