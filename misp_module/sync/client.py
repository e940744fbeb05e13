"""MISP's REST interface through PyMISP, with patience: the only file that knows PyMISP.

Takes questions as values, gives `Attribute`s. An overloaded or broken server is asked again, waiting as long
as it says or twice as long each time; a refusal ends at once. The key appears in no message: PyMISP's own log
is switched off, because it prints headers.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
from pymisp import MISPRelationship, PyMISP
from pymisp.exceptions import PyMISPError, PyMISPUnexpectedResponse

from .analyst_data import Relationship
from .attribute import Attribute, attributes_of
from .failures import MispAway, MispMissing, MispRefused
from .filters import TYPES, Filters
from .similarity import Similarity, similarities_of

Answer = TypeVar("Answer")

#: Seconds until a connection stands, and between two pieces of an answer. chosen: PHP may think for a minute
#: about a large page.
TIMEOUT = (10.0, 120.0)
#: Answers after which the same question may work later; 413 and 500 may also mean that it was too large.
#: spec: RFC 9110; 52x: proxies.
AGAIN = frozenset({408, 413, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
RISING, FALLING = ("Attribute.timestamp asc,Attribute.id asc", "Attribute.timestamp desc,Attribute.id desc")
_PROBES = ((1, RISING), (1, FALLING), (2, RISING))


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    #: How often one question is asked. chosen.
    tries: int = 5
    #: Seconds before the second try, doubled for each further one. chosen.
    first_wait: float = 1.0
    #: Most seconds that the server may make us wait. spec: MISP counts its rate limit over 15 minutes.
    longest_wait: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    #: Base URL without a slash at its end.
    url: str
    key: str = field(repr=False)
    #: File of certificates to trust instead of the usual ones. Certificates are always verified.
    ca_bundle: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Lower ends of a search, in seconds; 0: none."""

    attribute: int = 0
    #: Time of the event's last edit.
    event: int = 0
    publication: int = 0


class _Again(PyMISPError):
    """Worth another try, after `wait` seconds if the server named a time."""

    def __init__(self, problem: str, wait: float | None = None) -> None:
        super().__init__(problem)
        self.wait = wait


class _Refusal(PyMISPError):
    """No use in another try."""


class _Missing(PyMISPError):
    """404."""


class _Checked(PyMISP):
    """PyMISP that looks at the status of an answer itself: PyMISP's own check hides it and prints what was
    sent.
    """

    #: The server's clock at its last answer.
    date: int | None = None

    def _prepare_request(self, *arguments: Any, **named: Any) -> requests.Response:
        try:
            response = super()._prepare_request(*arguments, **named)
        except requests.RequestException as error:
            raise _connection_problem(error) from None
        self.date = _seconds(response.headers.get("Date")) or self.date
        status = response.status_code
        if status in AGAIN:
            raise _Again(f"MISP answers {status}: {_words(response, self.key)}", _wait(response))
        if status == 404:
            raise _Missing(f"MISP answers 404: {_words(response, self.key)}; is this the base URL of a MISP?")
        if status >= 400:
            hint = "; check the key, its expiry and its role" if status in (401, 403) else ""
            raise _Refusal(f"MISP answers {status}: {_words(response, self.key)}{hint}")
        if response.content.lstrip()[:1] not in (b"{", b"["):
            page = (
                "a web page"
                if "html" in response.headers.get("Content-Type", "")
                else "something that is not JSON"
            )
            raise _Refusal(
                f"got {page} instead of MISP's JSON; is this the base URL of the MISP, and does no login page stand before it?"
            )
        return response


class Client:
    """Questions to one MISP. Not for several threads at once."""

    def __init__(self, access: Access, patience: Patience | None = None) -> None:
        """Raises MispRefused when address, certificate or key are wrong, MispAway when nobody answers."""
        logging.getLogger("pymisp").disabled = True
        self.url = access.url
        self._patience = patience or Patience()
        _check(access)
        self._sorts: bool | None = None
        self._misp = self._ask(
            lambda: _Checked(
                access.url + "/",
                access.key,
                ssl=access.ca_bundle or True,
                timeout=TIMEOUT,
                tool="douglas-quaid",
            )
        )

    @property
    def now(self) -> int:
        """The server's clock at its last answer, or ours when it does not tell."""
        return self._misp.date or int(time.time())

    def sorts(self) -> bool:
        """Whether the server sorts when it is asked to: versions of MISP that do not know the parameter
        ignore it.
        """
        if self._sorts is None:
            first, last, two = (
                self._search(Filters(), type_attribute=list(TYPES), limit=n, page=1, order=by)
                for n, by in _PROBES
            )
            if len(two) < 2:
                return True  # nothing to sort; asked again when there is
            self._sorts = [row.uuid for row in first] != [row.uuid for row in last]
        return self._sorts

    def page(self, filters: Filters, since: Since, page: int, size: int) -> list[Attribute]:
        """Attributes without their files, deleted ones too, by rising timestamp."""
        return self._search(
            filters,
            type_attribute=list(filters.types),
            timestamp=since.attribute or None,
            event_timestamp=since.event or None,
            publish_timestamp=since.publication or None,
            deleted=[0, 1],
            page=page,
            limit=size,
            order=RISING,
        )

    def tagged(self, tags: Sequence[str], since: Since, page: int, size: int) -> list[Attribute]:
        """Attributes of all types with one of these tags, on themselves or on their event, by rising
        timestamp.
        """
        return self._search(
            Filters(tags=tuple(tags)), timestamp=since.attribute or None, page=page, limit=size, order=RISING
        )

    def present(self, filters: Filters, attributes: Sequence[str]) -> list[Attribute]:
        """Those of these attributes (UUIDs) that exist and pass, without their files."""
        return self._search(filters, type_attribute=list(filters.types), uuid=list(attributes))

    def files(self, attributes: Sequence[str]) -> list[Attribute]:
        """These attributes (UUIDs) with their files, in any order; those that are gone are missing.

        Several at once are asked for twice only: the caller asks one by one then, which costs the server less
        memory.
        """
        return self._search(
            Filters(), tries=2 if len(attributes) > 1 else None, uuid=list(attributes), with_attachments=True
        )

    def similarities(self, event: str) -> list[Similarity]:
        """Answers of our module in the event (UUID). Whole events are asked for: MISP shows an object's
        references nowhere else.
        """
        return self._parsed(
            similarities_of, self._ask(lambda: self._misp.search(controller="events", eventid=event))
        )

    def relate(self, relation: Relationship) -> bool:
        """Write a relationship, visible to the organisation of the key only. False when it is there already."""
        data = MISPRelationship()
        data.from_dict(
            uuid=relation.uuid,
            object_uuid=relation.attribute,
            object_type="Attribute",
            related_object_uuid=relation.related,
            related_object_type="Attribute",
            relationship_type=relation.kind,
            distribution=0,
            authors="douglas-quaid",
        )
        try:
            self._ask(lambda: self._misp.get_relationship(data))
            return False
        except MispMissing:
            self._ask(lambda: self._misp.add_relationship(data))
            return True

    def _search(self, filters: Filters, *, tries: int | None = None, **options: Any) -> list[Attribute]:
        answer = self._ask(
            lambda: self._misp.search(
                controller="attributes",
                tags=list(filters.tags) or None,
                org=filters.org,
                published=True if filters.published else None,
                eventid=filters.event,
                include_event_tags=True,
                include_event_uuid=True,
                **options,
            ),
            tries,
        )
        return self._parsed(attributes_of, answer)

    def _parsed(self, parse: Callable[[object], Answer], answer: object) -> Answer:
        try:
            return parse(answer)
        except ValueError as error:
            raise MispRefused(f"{self.url}: {error}; is this the base URL of a MISP, 2.4 or newer?") from None

    def _ask(self, question: Callable[[], Answer], tries: int | None = None) -> Answer:
        tries = min(tries or self._patience.tries, self._patience.tries)
        wait = self._patience.first_wait
        for left in reversed(range(tries)):
            try:
                return question()
            except _Again as error:
                problem, asked = str(error), error.wait
            except _Missing as error:
                raise MispMissing(f"{self.url}: {error}") from None
            except _Refusal as error:
                raise MispRefused(f"{self.url}: {error}") from None
            except PyMISPUnexpectedResponse:  # its message holds all of the answer
                problem, asked = "JSON that breaks off, or is none", None
            except PyMISPError as error:
                raise MispRefused(
                    f"{self.url}: does not answer as a MISP does ({type(error).__name__}); is this the base URL of a MISP?"
                ) from None
            if not left or (asked or 0) > self._patience.longest_wait:
                break
            time.sleep(wait if asked is None else asked)
            wait *= 2
        raise MispAway(
            f"{self.url}: {problem}"
            + (f", and says to wait {asked:.0f} s" if asked else "")
            + f"; asked {tries - left} times"
        )


def _check(access: Access) -> None:
    parts = urlsplit(access.url)
    if (
        parts.scheme not in ("https", "http")
        or not parts.hostname
        or parts.username
        or parts.query
        or len(access.url) > 500
    ):
        raise MispRefused(
            f"{access.url[:80]!r}: expected the base URL of a MISP, such as https://misp.example.org"
        )
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise MispRefused(
            f"{access.url}: http would send the key unprotected; use https, with --ca-bundle for a certificate of your own"
        )
    if not re.fullmatch("[A-Za-z0-9]{40}", access.key):
        raise MispRefused(
            f"the key has {len(access.key)} characters; a key of MISP has 40 letters and digits"
        )


def _connection_problem(error: requests.RequestException) -> PyMISPError:
    text = str(error)
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE" in text.upper():
        return _Refusal(
            "its certificate is not trusted; name the authority that signed it with --ca-bundle FILE"
        )
    if isinstance(error, OSError) and "CA certificate bundle" in text:
        return _Refusal("the file of --ca-bundle cannot be read as certificates")
    if isinstance(error, requests.Timeout):
        return _Again("no answer in time")
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return _Again("the connection broke in mid-answer")
    if isinstance(error, requests.ConnectionError):
        return _Again("cannot be reached, or the connection broke")
    return _Refusal(f"cannot be asked ({type(error).__name__})")


def _words(response: requests.Response, key: str) -> str:
    """What MISP says about an error, short and without the key."""
    try:
        said = json.loads(response.content)
        text = str(said.get("message") or said.get("name") or said) if isinstance(said, dict) else str(said)
    except ValueError:
        text = response.reason or "no reason given"
    return "".join(character if character.isprintable() else " " for character in text.replace(key, "***"))[
        :200
    ]


def _wait(response: requests.Response) -> float | None:
    """Seconds that the server wants us to wait: Retry-After as seconds or date (RFC 9110), or MISP's own
    X-Rate-Limit-Reset.
    """
    given = response.headers.get("Retry-After")
    if given is not None:
        if given.strip().isdigit():
            return float(given)
        moment = _seconds(given)
        if moment is not None:
            return max(0.0, moment - (_seconds(response.headers.get("Date")) or time.time()))
    reset = response.headers.get("X-Rate-Limit-Reset", "")
    return float(reset) if response.status_code == 429 and reset.isdigit() else None


def _seconds(date: str | None) -> int | None:
    """An HTTP date as seconds."""
    try:
        moment = parsedate_to_datetime(date) if date else None
    except ValueError:
        return None
    return (
        None
        if moment is None
        else int((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp())
    )
