"""What can go wrong between us and MISP, in the core's tree of errors, so that the command line treats it
like everything else.
"""

from __future__ import annotations

from douglas_quaid.errors import ConfigError, DouglasQuaidError


class MispRefused(ConfigError):
    """MISP says no, or what answers is no MISP: wrong key, missing right, certificate, address. Asking again
    will not help.
    """


class MispMissing(MispRefused):
    """MISP has no such page or thing, or does not show it."""


class MispAway(DouglasQuaidError):
    """MISP cannot be reached, is overloaded or breaks off; every repetition that patience allows was tried."""

    retryable = True
