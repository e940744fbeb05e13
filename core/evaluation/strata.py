"""The kinds of questions that are counted apart, because one number over all of them would say nothing."""

from __future__ import annotations

SCREENSHOTS = "screenshots"
TALL = "tall pages"
"""Screenshots more than TALL_FROM times as high as wide."""
PHOTOGRAPHS = "photographs"
VERSIONS = "versions of a page"
"""A page as it is, its copies left out; right are other versions and captures."""
SAME_SITE = "same site other page"
"""As a question: a page as it is, everything right left out, other pages of its site indexed. As a pair: pages of one site and different groups."""
CLONES = "clones"
"""The right answer shares its template with a picture of which many near copies are indexed."""
PHISHING = "real phishing"
"""Nodes of a graph that a person drew."""
LOW_TEXTURE = "low texture"
"""The picture, or what the edit left of it, shows next to nothing (texture.py); counted here and nowhere else."""
UNANSWERED = "without an answer"
"""Nothing that is right is indexed, nor any page of the site."""

ANSWERED = (SCREENSHOTS, TALL, PHOTOGRAPHS)
"""Asked after each edit."""
WITHOUT = (UNANSWERED, SAME_SITE)
ORDER = (SCREENSHOTS, TALL, PHOTOGRAPHS, VERSIONS, CLONES, PHISHING, LOW_TEXTURE, SAME_SITE, UNANSWERED)

TALL_FROM = 2.5
"""Height over width. chosen: more than one screen below the first."""
