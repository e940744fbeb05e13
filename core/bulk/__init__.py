"""Many pictures at once: what `quaid add FOLDER` and `quaid link --all` let worker processes do."""
