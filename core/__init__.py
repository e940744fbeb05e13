"""Image correlation for threat intelligence."""
