"""Which objects carry the tag of a match: those by which an analyst learns something new.

Most pages of a crawl are copies of a few. So the first object of a cluster that matches across domains
carries the tag, and with it the object that it matches; copies that follow get a line to the representative
and a note. Two clusters that share a part are told once in the same way. An object whose very file was seen
at two places is such a match, too. Who was told stands in the star of the cluster, which survives merges.
When all of them have left, the next one that is looked at takes their place. Nobody is told of a cluster of
which a person said that it is something else than the object.
"""

from collections.abc import Sequence

from ..objects import AilObject
from .ledger import Told
from .store_view import Finding, StoreView


def told_because(view: StoreView) -> Finding | AilObject | None:
    """Return the match because of which the object carries the tag; the object itself if that is because its
    file was seen at several places; None if it does not carry it. Raises StoreError.
    """
    own: Finding | AilObject | None = view.own[0] if view.own else None
    if own is None and view.is_at_several_places:
        own = view.obj
    parts = [part for part in view.parts if view.cluster_of(part.hit.image_id) not in view.answered]
    if own is None and not parts:
        _drop_outdated(view)
        return None
    if own and not is_known(view, view.key, view.key):
        partners = (found.other for found in view.own[:1])
        view.tell(view.key, view.key, [Told(obj, obj.id) for obj in (view.obj, *partners) if obj])
    for part in parts:
        _tell_part(view, part)
    _drop_outdated(view)
    mine = {about for each, about in view.told(view.key) if each.obj == view.obj}
    if own and view.key in mine:
        return own
    return next((part for part in parts if view.cluster_of(part.hit.image_id) in mine), None)


def _tell_part(view: StoreView, part: Finding) -> None:
    """Tell of the object's cluster and the one of a part, unless somebody was told already."""
    cluster = view.cluster_of(part.hit.image_id)
    if is_known(view, view.key, cluster):
        return
    view.tell(view.key, cluster, [Told(view.obj, part.hit.image_id)])
    if part.other and not view.told(cluster):
        view.tell(cluster, view.key, [Told(part.other, view.obj.id)])


def is_known(view: StoreView, one: str, other: str) -> bool:
    """Return whether somebody of either cluster was told that it matches the other. Raises StoreError."""
    sides = dict.fromkeys(((one, other), (other, one)))
    return any(about == there for here, there in sides for _, about in view.told(here))


def _drop_outdated(view: StoreView) -> None:
    """Forget that the object was told of clusters with which it shares nothing any more."""
    matched = {view.cluster_of(found.hit.image_id) for found in view.matches}
    shared = {view.key, *matched} - view.answered
    told = view.told(view.key) if view.star else ()
    outdated: Sequence[Told] = [each for each, about in told if each.obj == view.obj and about not in shared]
    if outdated:
        view.forget_told(outdated)
