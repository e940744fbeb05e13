"""What else agrees with the query, for each verified candidate: rivals, ambiguity, common regions, ignored
regions.
"""
