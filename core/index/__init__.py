"""What is searched: replicas of the store's columns, hashes by distance and parts by visual words."""
