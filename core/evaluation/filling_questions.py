"""The stratum "fillings": which kinds of pages are filled in, which fillings are known, what is asked about
them.

Takes the number of questions and a seed, writes the pictures, returns what is known of them. Of every fourth
kind CROWD fillings are indexed, of the others KNOWN. Each question is a picture made from a known filling:
the filling after a light edit, or the filling with other values, as it is or after a light edit.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from PIL import Image, ImageDraw

from . import edits
from .dataset import Item, Kind
from .fillings import Box, Filling, Template, around, drawn, other_values, values_of
from .rendering import RenderedTemplate, browser, rendered
from .split import Subset
from .templates import TEMPLATES
from .templates_rendered import RENDERED
from .templates_rendered_papers import RENDERED_PAPERS
from .templates_rendered_screens import RENDERED_SCREENS
from .templates_unseen import UNSEEN

#: Edits that leave every value legible.
LIGHT = ("resize_50", "jpeg_30", "crop_90", "browser_bar", "blur")
#: Number of fillings that are indexed of a kind, and of a kind that is a crowd. spec.
KNOWN, CROWD = 4, 20
#: One kind of so many is a crowd. chosen: linking a crowd costs most of a run.
CROWD_EACH = 4
#: Fillings per kind for each unit of the seed, so that seeds share none. chosen: more than anybody asks.
PER_SEED = 1000
#: Share of a value's box that must be left of it after a crop, or nobody asks where it differs. chosen.
VISIBLE = 0.9
#: `Item.set` of all fillings, and the folder of their pictures.
FOLDER = "fillings"
#: Kinds of which other values are another person's secret or identity, or mean another payment.
PERSONAL = frozenset(
    {
        "seed-phrase",
        "recovery-words",
        "qr-code",
        "payment-code",
        "barcode",
        "parcel-label",
        "id-card",
        "driving-licence",
        "receipt",
        "till-slip",
    }
)

#: A template, however its pages are made.
AnyTemplate = Template | RenderedTemplate


class Changed(str, Enum):
    """How many values of a filling were replaced."""

    #: None: the same filling.
    NONE = "none"
    #: One value.
    ONE = "1"
    #: Three values.
    THREE = "3"
    #: Half of the values.
    HALF = "half"
    #: All of them.
    ALL = "all"


@dataclass(frozen=True, slots=True)
class FillingQuestion:
    """A picture that is asked about, and the filling that it was made from."""

    #: Name of the template.
    kind: str
    #: File of the picture.
    query: str
    #: Edit of the picture; "" for the picture as it is.
    edit: str
    #: File of the known filling.
    reference: str
    #: How many values were replaced.
    changed: Changed
    #: Width and height of the known filling in pixels.
    size: tuple[int, int]
    #: Where the replaced values stand, in pixels of the known filling, as far as the edit left them.
    places: tuple[Box, ...]
    #: Where other values stand that moved, because the replaced ones take more or less room.
    moved: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class PreparedKind:
    """A template with its pictures, which lie on the disk."""

    #: Name of the template.
    kind: str
    #: The fillings to index.
    known: tuple[Item, ...]
    #: Fillings with other values than a known one.
    others: tuple[Item, ...]
    #: What is asked.
    questions: tuple[FillingQuestion, ...]


def kinds_of(subset: Subset) -> tuple[AnyTemplate, ...]:
    """Return the templates of a part: options may be chosen by those of the fitting part."""
    fit: tuple[AnyTemplate, ...] = (*TEMPLATES, *RENDERED)
    report: tuple[AnyTemplate, ...] = (*UNSEEN, *RENDERED_PAPERS, *RENDERED_SCREENS)
    return {Subset.FIT: fit, Subset.REPORT: report, Subset.ALL: (*fit, *report)}[subset]


def kinds(subset: Subset) -> tuple[AnyTemplate, ...]:
    """Return the templates of a part that can be made here: rendered ones only where a browser is
    installed.
    """
    return tuple(each for each in kinds_of(subset) if browser() or isinstance(each, Template))


def changes(template: AnyTemplate) -> dict[Changed, int]:
    """Return how many values each kind of change replaces; none that would be the same as another one."""
    count = len(template.values)
    numbers = {Changed.ALL: count, Changed.HALF: count // 2, Changed.THREE: 3, Changed.ONE: 1}
    return {
        change: number
        for place, (change, number) in enumerate(numbers.items())
        if 0 < number <= count and number not in list(numbers.values())[:place]
    }


def prepare(template: AnyTemplate, place: int, asked: int, seed: int, folder: Path) -> PreparedKind:
    """Write the pictures of a template into `folder`, and return what is asked about them. `place`: of the
    template among all, by which its edits begin elsewhere; `asked`: number of questions for each kind of
    change. Raises ConfigError when the browser fails.
    """
    known_count = CROWD if place % CROWD_EACH == CROWD_EACH - 1 else KNOWN
    first, count = seed * PER_SEED, max(1, min(asked, known_count))
    values = [values_of(template, first + number) for number in range(known_count)]
    changed = [
        (number, change, *other_values(template, values[number % count], replaced, first + number))
        for change, replaced in changes(template).items()
        for number in range(asked)
    ]
    pages = list(made(template, [*values, *(others for _, _, others, _ in changed)]))
    names = [f"{FOLDER}/{template.kind}/{first + number}" for number in range(known_count)]
    names += [f"{names[number % count]}-{change.value}-{number}" for number, change, _, _ in changed]
    items = [
        _written(page, f"{name}.png", folder, indexed=number < known_count)
        for number, (page, name) in enumerate(zip(pages, names, strict=True))
    ]
    known, others = items[:known_count], items[known_count:]
    questions = [
        _question(pages[number % count], known[number % count], LIGHT[(number + place) % len(LIGHT)])
        for number in range(asked)
    ]
    for (number, change, _, places), page, item in zip(changed, pages[known_count:], others, strict=True):
        light = LIGHT[(number // 2 + place) % len(LIGHT)] if number % 2 else ""
        base = number % count
        questions.append(_question(pages[base], known[base], light, other=(page, item, change, places)))
    unique = {(question.query, question.edit): question for question in questions}
    return PreparedKind(template.kind, tuple(known), tuple(others), tuple(unique.values()))


def made(template: AnyTemplate, fillings: Sequence[tuple[str, ...]]) -> Iterator[Filling]:
    """Return the pages with these values. Raises ConfigError when the browser fails."""
    if isinstance(template, RenderedTemplate):
        return rendered(template, fillings)
    return (drawn(template, values) for values in fillings)


def _written(page: Filling, file: str, folder: Path, *, indexed: bool) -> Item:
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(edits.png(page.picture))
    return Item(file, path, FOLDER, file, indexed=indexed, kind=Kind.FILLING)


def _question(
    page: Filling,
    item: Item,
    edit: str,
    *,
    other: tuple[Filling, Item, Changed, tuple[int, ...]] | None = None,
) -> FillingQuestion:
    size = page.picture.size
    if other is None:
        return FillingQuestion(page.template.kind, item.file, edit, item.file, Changed.NONE, size, (), ())
    filled, asked, change, places = other
    boxes = [around(one, two) for one, two in zip(page.boxes, filled.boxes, strict=True)]
    left = _is_left(size, edit, asked.file)
    moved = [
        box
        for place, box in enumerate(boxes)
        if place not in places and _distance(page.boxes[place], filled.boxes[place]) > 1
    ]
    return FillingQuestion(
        kind=page.template.kind,
        query=asked.file,
        edit=edit,
        reference=item.file,
        changed=change,
        size=size,
        places=tuple(boxes[place] for place in places if left(boxes[place])),
        moved=tuple(moved),
    )


def _distance(one: Box, other: Box) -> int:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def _is_left(size: tuple[int, int], edit: str, seed: str) -> Callable[[Box], bool]:
    """Return a function that says whether an edit leaves what stands in a box. It tries the edit on the box
    alone.
    """

    def check(box: Box) -> bool:
        if not edit.startswith("crop"):
            return True
        mask = Image.new("RGB", size)
        ImageDraw.Draw(mask).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill="white")
        before = mask.convert("L").histogram()[255]
        after = edits.edit(edit, mask, seed).convert("L").histogram()[255]
        return after >= VISIBLE * before

    return check
