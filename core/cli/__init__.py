"""The command `quaid`."""
