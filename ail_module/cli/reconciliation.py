"""What `quaid ail reconcile` does and prints: the answers of analysts, and what changes in AIL."""

from collections.abc import Sequence
from typing import cast

from douglas_quaid import Correlator
from douglas_quaid.cli.terminal import print_result

from ..config import Settings
from ..objects import AilObject
from ..publishing.apply import Sink
from ..publishing.feedback import FeedbackReader
from ..publishing.publisher import Publisher
from ..publishing.rehearsal import RehearsedEngine, RehearsedSink


def reconciled(
    engine: Correlator, sink: Sink, settings: Settings, objects: Sequence[AilObject], *, as_json: bool
) -> tuple[int, int]:
    """Follow the answers at these objects, print them, and bring everything into line. Return how many
    answers there were, and how many other objects changed in AIL. Raises StoreError, and what AIL raises.
    """
    reader = FeedbackReader(engine, sink, settings)
    answers = [answer for obj in objects for answer in reader.read(obj)]
    answers += reader.finish()
    for answer in answers:
        line = {
            "object": answer.obj.gid,
            "said": answer.said,
            "image": answer.other,
            "refused": answer.refused,
        }
        refused = f" (refused: {answer.refused})" if answer.refused else ""
        print_result(line, f"{answer.obj.gid}: {answer.said} {answer.other}{refused}", as_json=as_json)
    return len(answers), Publisher(engine, sink, settings).sweep()


def rehearsed(
    engine: Correlator, sink: Sink, settings: Settings, objects: Sequence[AilObject], *, as_json: bool
) -> tuple[int, int]:
    """Print the answers that `reconciled` would follow, and each change that it would make in AIL. Return how
    many there are of both. Nothing is changed. Raises as `reconciled`.
    """
    recorded = RehearsedSink(sink)
    answers, _ = reconciled(
        cast(Correlator, RehearsedEngine(engine)), recorded, settings, objects, as_json=as_json
    )
    for change, adds in recorded.changes.items():
        line = {"object": change.gid, "change": "add" if adds else "remove", "what": change.what}
        text = f"{change.gid}: {line['change']} {change.what} {change.value}"
        print_result(line | {"value": change.value}, text, as_json=as_json)
    return answers, len(recorded.changes)
