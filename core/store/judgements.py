"""Judgements: what persons say of pairs of images.

A judgement lies beside the verdict of the pair and outranks it: taken back, it leaves the verdict as it was.
To keep or to take back one is a single script under `meta`, which joins or splits the clusters, too.
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import ConfigError, NotFound
from ..records import ImageId, Judgement, JudgementWord, RecordOutcome, StoredVerdict, Verdict
from . import verdict_codec as codec
from .connection import StorePart
from .intents import Intents, Interrupted
from .keys import META, Command, as_text, key, on_image, on_meta
from .times import checked_time
from .values import image_id as checked_id, left_out_if_broken
from .verdict_sides import reversed_verdict

#: Words that say that the two images match.
CONFIRMS = (JudgementWord.SAME, JudgementWord.PART)
#: Words that make a pair a no-match.
KEEPS_APART = (JudgementWord.DIFFERENT, JudgementWord.SAME_DESIGN)
#: Maximum length of who judged, and of where it came from, in characters. chosen.
NAME_CHARACTERS = 200

#: What persons said of an image, by the other image: the judgement, and the verdict it stands for, if any.
Said = dict[ImageId, tuple[Judgement, StoredVerdict | None]]


@dataclass(eq=False)
class Judgements(StorePart):
    """The part of the store that keeps judgements."""

    _intents: Intents

    def judge(
        self,
        image_id: ImageId,
        other: ImageId,
        word: JudgementWord,
        *,
        who: str,
        source: str,
        when: datetime | None = None,
        verdict: Verdict | None = None,
    ) -> RecordOutcome:
        """Keep what a person says of two images. Their clusters follow at once, and no score changes that
        until it is taken back (`undo`) or one of the two is forgotten.

        `same` and `part` need the `verdict` they stand for, with `image_id` as the query and the calibration
        id PERSON; the other words take none. A later word replaces an earlier one, but `different` and
        `same-design` yield only to each other. Returns JOINED or APART for `same`, STORED for `part`, VETOED
        for `different` and `same-design`, and for `unsure` what the score comes to. Raises ConfigError for
        the same image twice, for a pair that an earlier word keeps apart and for values that do not fit;
        NotFound when one of the two is not in the store.
        """
        if image_id == other:
            raise ConfigError(f"image {image_id} cannot be judged against itself")
        if (verdict is not None) != (word in CONFIRMS):
            problem = "needs the verdict it stands for" if verdict is None else "takes no verdict"
            raise ConfigError(f"judgement {word.value!r} {problem}")
        for name, text in (("who", who), ("source", source)):
            if len(text) > NAME_CHARACTERS:
                raise ConfigError(
                    f"judgement: {name} has {len(text)} characters; at most {NAME_CHARACTERS} are kept"
                )
        judgement = Judgement(other, word, who, checked_time(when), source)
        backward = None if verdict is None else reversed_verdict(verdict)
        mine = codec.encode_judgement(judgement, verdict)
        theirs = codec.encode_judgement(judgement, backward)
        for fences in self._intents.attempts("judgement about", image_id, [META]):
            self._require(image_id, other)
            with suppress(Interrupted):
                answer: Any = self._intents.meta(
                    "judge", fences, secrets.token_hex(16), image_id, other, mine, theirs
                )
                break
        if answer == b"refused":
            raise ConfigError(
                f"a person said that images {image_id} and {other} are not the same; nothing was changed."
                f" To take that back: quaid undo {image_id} {other}"
            )
        return RecordOutcome(as_text(answer))

    def undo(self, image_id: ImageId, other: ImageId) -> Judgement:
        """Take back what a person said of two images; hits and clusters become what the scores alone give.

        Returns what was taken back. Raises NotFound when nobody had said anything.
        """
        for fences in self._intents.attempts("taking back a judgement about", image_id, [META]):
            said = self.connection.ask(on_meta("HGET", f"judged:{image_id}", other))
            if said is None:
                raise NotFound(
                    f"there is no judgement about images {image_id} and {other} that could be taken back"
                )
            with suppress(Interrupted):
                # Another process may replace the judgement in between; then this one is not undone.
                undo = self._intents.meta("undo", fences, secrets.token_hex(16), image_id, other, said)
                if undo == b"undone":
                    break
        return codec.decode_judgement(other, said)[0]

    def of(self, image_id: ImageId) -> list[Judgement]:
        """Return what persons said of an image and others, the latest first."""
        said = self._read(image_id).values()
        return sorted((one for one, _ in said), key=lambda one: (one.when, one.image_id), reverse=True)

    def vetoed(self, image_id: ImageId) -> frozenset[ImageId]:
        """Return the images that a person keeps apart from this one."""
        return self.vetoed_and_confirmed(image_id)[0]

    def vetoed_and_confirmed(self, image_id: ImageId) -> tuple[frozenset[ImageId], tuple[StoredVerdict, ...]]:
        """Return `vetoed`, and what persons said is the same as this image or a part of it, ordered by the
        other image, in one round trip.
        """
        said = self._read(image_id)
        vetoed = frozenset(other for other, (one, _) in said.items() if one.word in KEEPS_APART)
        return vetoed, tuple(verdict for _, (_, verdict) in sorted(said.items()) if verdict)

    def _read(self, image_id: ImageId) -> Said:
        return decoded(image_id, self.connection.ask(judgements_of(image_id)))

    def _require(self, *ids: ImageId) -> None:
        there = self.connection.run([on_image("EXISTS", "img", i) for i in ids])
        for image_id, found in zip(ids, there, strict=True):
            if not found:
                raise NotFound(f"image {image_id} is not in the store")


def judgements_of(image_id: ImageId) -> Command:
    """Return the command that reads all judgements about an image."""
    return on_meta("HGETALL", f"judged:{image_id}")


def decoded(about: ImageId, judged: Mapping[bytes, bytes]) -> Said:
    """Return the judgements about an image that `judgements_of` read. Raises FormatError for one that cannot
    be read.
    """
    said: Said = {}
    for name, data in judged.items():
        with left_out_if_broken():
            other = checked_id(key(META, f"judged:{about}"), name)
            said[other] = codec.decode_judgement(other, data)
    return said


def outranked(other: ImageId, scored: StoredVerdict | None, judged: bytes | None) -> StoredVerdict | None:
    """Return what counts of a pair: what a person said (`judged`), else the scored verdict; None where a
    person keeps the two apart.
    """
    if judged is None:
        return scored
    with left_out_if_broken():
        judgement, verdict = codec.decode_judgement(other, judged)
        return scored if judgement.word is JudgementWord.UNSURE else verdict
    return None
