"""A store as a graph for other tools: clusters, images, and which belongs to which. Start in walk.py."""
