"""Bytes to pixels, safely: headers, decoder, child processes, extractor."""
