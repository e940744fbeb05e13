"""What AIL is told about an object: its tags, correlations and duplicates."""
