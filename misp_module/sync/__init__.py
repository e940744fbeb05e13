"""`quaid misp sync`: indexes and links the images of a MISP instance, and reads its analysts' feedback."""
