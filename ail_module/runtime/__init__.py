"""One process of a module: it takes messages off AIL's queue, works on them, and loses none that AIL's ledger
holds.

Which process holds what, and what happens to it if the module is killed (kill -9, out of memory):
ail_module/README.md, "When a process is killed". The oldest living process of a module looks for lost
messages; if none is left, the first one that is started. Everything may therefore be done twice, and doing it
twice changes nothing.
"""
