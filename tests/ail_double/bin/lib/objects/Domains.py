"""Hosts that were crawled."""

from __future__ import annotations

from lib.objects.abstract_object import Dated


class Domain(Dated):
    def __init__(self, id):
        super().__init__("domain", id)
