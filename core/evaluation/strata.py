"""The kinds of queries that are counted apart, because one number over all of them would say nothing."""

#: A screenshot after an edit.
SCREENSHOTS = "screenshots"
#: A screenshot more than TALL_FROM times as high as wide, after an edit.
TALL = "tall pages"
#: A photograph or drawing after an edit.
PHOTOGRAPHS = "photographs"
#: A page as it is, its copies left out of the search; other versions and captures are correct.
VERSIONS = "versions of a page"
#: As a query: a page as it is, everything correct left out of the search, other pages of its site indexed.
#: As a pair: two pages of one site and of different groups.
SAME_SITE = "same site other page"
#: The correct picture shares its template with a picture of which many near copies are indexed.
CLONES = "clones"
#: A node of a graph that a person drew.
PHISHING = "real phishing"
#: The picture, or what the edit left of it, shows almost nothing (low_texture.py); counted here and nowhere
#: else.
LOW_TEXTURE = "low texture"
#: Neither a correct picture nor any page of the site is indexed.
UNANSWERED = "without an answer"

#: A filling of a template of which others are indexed (filling_questions.py): after a light edit, or with
#: other values.
FILLINGS = "fillings"

#: Strata of queries after an edit.
ANSWERED = (SCREENSHOTS, TALL, PHOTOGRAPHS)
#: The same, with the pictures that show almost nothing.
EDITED = (*ANSWERED, LOW_TEXTURE)
#: Strata of queries without an answer.
WITHOUT = (UNANSWERED, SAME_SITE)
#: Strata of pairs that resemble each other because an evaluation arranges it.
ARRANGED = (SAME_SITE, FILLINGS)
#: All strata in the order of the report.
ORDER = (
    SCREENSHOTS,
    TALL,
    PHOTOGRAPHS,
    VERSIONS,
    CLONES,
    FILLINGS,
    PHISHING,
    LOW_TEXTURE,
    SAME_SITE,
    UNANSWERED,
)

#: Height over width of a tall page. chosen: more than one screen below the first.
TALL_FROM = 2.5
#: Share of queries without an answer in use. chosen: four in five.
SHARE_WITHOUT_ANSWER = 0.8


def as_in_use(*, without: float, answered: float) -> float:
    """Return the mean of a share of the queries without an answer and one of those with an answer, as queries
    occur in use.
    """
    return SHARE_WITHOUT_ANSWER * without + (1 - SHARE_WITHOUT_ANSWER) * answered
