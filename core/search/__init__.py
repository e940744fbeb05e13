"""From a picture to its hits: candidates, verification of each, what the others say about it, and the answer."""
