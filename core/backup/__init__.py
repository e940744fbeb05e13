"""A copy of a whole store in one file, and bringing back from it what a store has lost: a backup of an
embedded store can be restored into a server or a cluster, and the reverse. FORMAT.md describes the file.
"""
