"""What AIL shows of each object of the stream of ail_stream.py, and who is tagged and named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import report
from .ail_stream_pictures import SHARES, Planned


@dataclass(frozen=True)
class Shown:
    """One object of the stream, after all passes."""

    #: What it is.
    plan: Planned
    #: Its global id.
    gid: str
    #: The engine's cluster of its image.
    cluster: str
    #: Ids of the images across domains that it matches or resembles.
    alike: list[str]
    #: Whether the ledger is settled and says what is desired.
    is_desired: bool
    #: Global ids of the objects with which the ledger says that it is correlated.
    lines: list[str]
    #: Tags that the ledger says it has.
    written: list[str]
    #: Global ids of the pictures with which AIL correlates it.
    correlated: list[str]
    #: The tags of ours that AIL shows.
    tags: list[str]
    #: All tags of its domain, and of its crawled item.
    origins: list[list[str]]
    #: The note.
    note: str

    @property
    def image_id(self) -> str:
        """The sha256 of its file."""
        return self.gid.partition("::")[2]

    def has(self, tag: str) -> bool:
        """Whether it has a tag of ours that starts so."""
        return any(f'="visual-{tag}' in each for each in self.tags)


@dataclass(frozen=True)
class Later:
    """How many of the clones that came after the first match across domains of their group have tags."""

    clones: int
    match: int
    review: int
    #: With any tag of ours.
    tagged: int


def print_kinds(stream: Sequence[Shown], brands: Sequence[str]) -> None:
    """Print tags and named partners of each kind of object. `brands`: image ids of the legitimate pages."""
    rows = []
    for kind in SHARES:
        of_kind = [one for one in stream if one.plan.kind == kind]
        named = sum(names_one_of(one, true_partners(one, stream, brands), stream) for one in of_kind)
        alike = sum(bool(one.alike) for one in of_kind)
        tags = (sum(one.has(tag) for one in of_kind) for tag in ("match", "review", "looks-like"))
        rows.append((kind, len(of_kind), alike, named, *tags))
    columns = ("kind", "objects", "resemble any", "name a true partner")
    report.table((*columns, "visual-match", "visual-review", "visual-looks-like"), rows)


def print_clones(stream: Sequence[Shown]) -> Later:
    """Print how many clones are tagged after the first match of their cluster, and of their template; return
    the former.
    """
    groups: dict[str, Callable[[Shown], object]] = {
        "the engine's cluster": lambda one: one.cluster,
        "the template": lambda one: one.plan.template,
    }
    results = {}
    for name, group_of in groups.items():
        later = after_first_match(stream, group_of)
        match, review = (sum(one.has(tag) for one in later) for tag in ("match", "review"))
        results[name] = Later(len(later), match, review, sum(bool(one.tags) for one in later))
    report.table(
        ("clones after the first match of", "number", "visual-match", "visual-review", "any tag of ours"),
        [
            (
                name,
                all.clones,
                *(report.share(part, all.clones) for part in (all.match, all.review, all.tagged)),
            )
            for name, all in results.items()
        ],
    )
    clones = [one for one in stream if one.plan.kind == "clone"]
    templates, clusters = {one.plan.template for one in clones}, {one.cluster for one in clones}
    print(f"The clones of {len(templates)} templates are in {len(clusters)} clusters.\n", flush=True)
    return results["the engine's cluster"]


def after_first_match(stream: Sequence[Shown], group_of: Callable[[Shown], object]) -> list[Shown]:
    """The clones that came when their group had pictures of two places already."""
    places: dict[object, set[str]] = {}
    later = []
    for one in stream:
        if one.plan.kind in ("imitation", "other"):
            continue
        known = places.setdefault(group_of(one), set())
        if one.plan.kind == "clone" and len(known) > 1:
            later.append(one)
        known.add(one.plan.domain or one.gid)
    return later


def true_partners(one: Shown, stream: Sequence[Shown], brands: Sequence[str]) -> set[str]:
    """Ids of the images that show the same template, or the same brand's page."""
    if one.plan.template is None:
        return set()
    imitates = one.plan.kind == "imitation"
    alike = (each for each in stream if (each.plan.kind == "imitation") == imitates)
    found = {each.image_id for each in alike if each.plan.template == one.plan.template}
    return (found | {brands[one.plan.template]} if imitates else found) - {one.image_id}


def names_one_of(one: Shown, partners: set[str], stream: Sequence[Shown]) -> bool:
    """Whether the note of an object, or of one that is correlated with it, names one of these images and says
    why.
    """
    notes = [one.note, *(each.note for each in stream if each.gid in one.correlated)]
    return any("confidence" in note and any(each in note for each in partners) for note in notes)
