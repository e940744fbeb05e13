"""The commands `quaid ail ...`."""
