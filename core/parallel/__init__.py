"""One kind of work on all cores: a pool of processes, each with an interpreter of its own."""
