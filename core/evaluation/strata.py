"""The kinds of questions that are counted apart, because one number over all of them would say nothing."""

from __future__ import annotations

SCREENSHOTS = "screenshots"
#: Screenshots more than TALL_FROM times as high as wide.
TALL = "tall pages"
PHOTOGRAPHS = "photographs"
#: A page as it is, its copies left out; right are other versions and captures.
VERSIONS = "versions of a page"
#: As a question: a page as it is, everything right left out, other pages of its site indexed. As a pair:
#: pages of one site and different groups.
SAME_SITE = "same site other page"
#: The right answer shares its template with a picture of which many near copies are indexed.
CLONES = "clones"
#: Nodes of a graph that a person drew.
PHISHING = "real phishing"
#: The picture, or what the edit left of it, shows next to nothing (low_texture.py); counted here and nowhere
#: else.
LOW_TEXTURE = "low texture"
#: Nothing that is right is indexed, nor any page of the site.
UNANSWERED = "without an answer"

#: Asked after each edit.
ANSWERED = (SCREENSHOTS, TALL, PHOTOGRAPHS)
WITHOUT = (UNANSWERED, SAME_SITE)
ORDER = (SCREENSHOTS, TALL, PHOTOGRAPHS, VERSIONS, CLONES, PHISHING, LOW_TEXTURE, SAME_SITE, UNANSWERED)

#: Height over width. chosen: more than one screen below the first.
TALL_FROM = 2.5
