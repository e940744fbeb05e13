"""Bytes to a `Picture` with its features, in this process or in a child process."""
