"""Errors between the sync and MISP, in the core's error tree, so that the command line handles them like
others.
"""

from douglas_quaid import ConfigError, DouglasQuaidError


class MispRefused(ConfigError):
    """Raised when MISP refuses (key, right, certificate, address), or the server is not a MISP. Not
    retryable.
    """


class MispMissing(MispRefused):
    """Raised when MISP does not have the page or item, or does not show it to this user."""


class MispAway(DouglasQuaidError):
    """Raised when MISP cannot be reached, is overloaded or breaks off, after all tries that `Patience`
    allows.
    """

    #: Later it may work.
    retryable = True
