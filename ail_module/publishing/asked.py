"""Of which pairs of clusters a person is asked, and at which object: each pair is one question, however many
copies of either picture come. Nobody is asked if an analyst was told that the two share a part, because other
pictures of them match.

One bookmark for each pair names the object that asks, `ail:asked:<cluster> <cluster>`. When that object is
forgotten, the next one asks in its place. A merged cluster has another name, so its questions may be asked
once more.
"""

from douglas_quaid import Correlator

from ..objects import AilObject, BadObject
from .ledger import read_entry
from .store_view import Finding, StoreView
from .told import is_known

#: Start of the names of these bookmarks.
PREFIX = "ail:asked:"


def new_question(engine: Correlator, view: StoreView) -> Finding | None:
    """Return the surest pair of the object of which nobody asks yet, and note that the object does; None if
    there is none. If two processes ask at the same moment, both may. Raises StoreError.
    """
    if not view.settings.tag_review:
        return None
    return next((found for found in view.questions if _is_ours(engine, view, found)), None)


def _is_ours(engine: Correlator, view: StoreView, found: Finding) -> bool:
    other = view.cluster_of(found.hit.image_id)
    if is_known(view, view.key, other):
        return False
    name = PREFIX + " ".join(sorted((view.key, other)))
    asker = engine.bookmark(name)
    if asker == view.obj.gid:
        return True
    if asker and _still_asks(engine, view, asker):
        return False
    return engine.set_bookmark(name, view.obj.gid, unless_there=asker is None)


def _still_asks(engine: Correlator, view: StoreView, gid: str) -> bool:
    try:
        asker = AilObject.parse(gid)
    except BadObject:  # changed by another program
        return False
    return view.labels(asker)[0] is not None and read_entry(engine, asker).asks
