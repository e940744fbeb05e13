"""The folder that misp-modules loads; it holds nothing but the module. Its parent is what `misp-modules -c`
takes.
"""
