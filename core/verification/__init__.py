"""Two pictures side by side: matching, geometry, and whether their content agrees."""
