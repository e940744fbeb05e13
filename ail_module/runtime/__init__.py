"""One process of a module: it takes messages, works on them, and loses none."""
