"""The views of a query: candidates of each are looked for only when the view before has given no match."""

from enum import Enum


class View(Enum):
    """Ways to look at the query, in the order in which they are tried."""

    #: The query as it is: equal pixels, near hashes, shared visual words.
    WHOLE = "whole"
    #: The pictures that stand in the query.
    INSETS = "insets"
    #: The query mirrored; found rarely, because parts of mirrored pictures are rare.
    MIRRORED = "mirrored"
    #: The query with light and dark exchanged.
    INVERTED = "inverted"
