"""A store as a graph for other tools: clusters, images, and which belongs to which. Start reading in walk.py."""
