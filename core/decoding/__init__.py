"""Bytes to pixels, safely: headers and decoder."""
