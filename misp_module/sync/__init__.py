"""`quaid misp sync`: the images that a MISP instance holds, indexed and linked, and its analysts' feedback."""
