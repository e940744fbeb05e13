"""Bytes to pixels, safely: sizes are checked before anything is decoded."""
