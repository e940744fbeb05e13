"""From a picture to its hits: candidates, their verification, what the others say about each, the answer."""
