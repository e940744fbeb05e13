"""MISP's REST interface through PyMISP, with retries. No other file of the sync knows PyMISP.

Takes queries as values, returns `Attribute`s. When the server is overloaded or broken, a request is repeated
after the time that the server states, else after twice the last wait; a refusal ends at once. The key appears
in no message: PyMISP's own log is switched off, because it prints headers.
"""

import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import requests
from pymisp import MISPRelationship, PyMISP
from pymisp.exceptions import PyMISPError, PyMISPUnexpectedResponse

from douglas_quaid import ConfigError, DouglasQuaidError
from douglas_quaid.store_url import shown

from ..attributes import FILE_TYPES, is_base_url
from ..text import harmless
from .attribute import Attribute, Filters, attributes_of
from .own_data import Relationship, Similarity, similarities_of

Result = TypeVar("Result")

#: Seconds until a connection is made, and between two pieces of a response. chosen: PHP may take a minute for
#: a large page.
TIMEOUT = (10.0, 120.0)
#: Statuses after which the same request may succeed later; 413 and 500 may also mean that it was too large.
#: spec: RFC 9110; 52x: proxies.
RETRY_STATUSES = frozenset({408, 413, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
#: Sort orders of a listing. spec: parameter `order` of restSearch.
RISING, FALLING = ("Attribute.timestamp asc,Attribute.id asc", "Attribute.timestamp desc,Attribute.id desc")


class MispRefused(ConfigError):
    """Raised when MISP refuses (key, right, certificate, address), or the server is not a MISP. Not
    retryable.
    """


class MispMissing(MispRefused):
    """Raised when MISP does not have the page or item, or does not show it to this user."""


class MispAway(DouglasQuaidError):
    """Raised when MISP cannot be reached, is overloaded or breaks off, after all tries that `Patience`
    allows.
    """

    #: Later it may work.
    retryable = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often and how long a request that failed is repeated."""

    #: Number of times that one request is sent. chosen.
    tries: int = 5
    #: Seconds before the second try, doubled for each further one. chosen.
    first_wait: float = 1.0
    #: Maximum number of seconds that the server may make us wait. spec: MISP counts its rate limit over 15
    #: minutes.
    longest_wait: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Lower bounds of a listing, in seconds since 1970; 0: none."""

    #: Of the attribute's timestamp.
    attribute: int = 0
    #: Of the event's last edit.
    event: int = 0
    #: Of the event's last publication.
    publication: int = 0


class _Problem(PyMISPError):
    """What is wrong with a response or connection, and the error to raise for it; only MispAway
    is retried.
    """

    def __init__(
        self, text: str, error: type[MispRefused] | type[MispAway] = MispRefused, wait: float | None = None
    ) -> None:
        super().__init__(text)
        self.error = error
        #: Seconds that the server asks to wait, if it states them.
        self.wait = wait


class _CheckedMisp(PyMISP):
    """PyMISP with our own check of the status, because PyMISP's check hides it and prints what was sent."""

    #: The server's clock at its last response.
    date: int | None = None

    def _prepare_request(self, *arguments: Any, **named: Any) -> requests.Response:
        try:
            response = super()._prepare_request(*arguments, **named)
        except OSError as error:  # of requests, or the file of certificates is gone
            raise _connection_problem(error) from None
        self.date = _seconds(response.headers.get("Date")) or self.date
        status = response.status_code
        if status >= 400:
            problem = f"MISP returns status {status}: {_message(response, self.key)}"
            if status in RETRY_STATUSES:
                raise _Problem(problem, MispAway, _wait(response))
            if status == 404:
                raise _Problem(f"{problem}; is this the base URL of a MISP?", MispMissing)
            hint = "; check the key, its expiry and its role" if status in (401, 403) else ""
            raise _Problem(problem + hint)
        if response.content.lstrip()[:1] not in (b"{", b"["):
            is_page = "html" in response.headers.get("Content-Type", "")
            raise _Problem(
                f"got {'a web page' if is_page else 'something else'} instead of MISP's JSON;"
                " check that this is the base URL of the MISP, and that no login page precedes it"
            )
        return response


class Client:
    """Requests to one MISP. Not for several threads at once.

    Every method raises MispRefused when MISP refuses or is not a MISP, and MispAway when it does not respond
    after all tries.
    """

    def __init__(
        self, url: str, key: str, *, ca_bundle: str | None = None, patience: Patience | None = None
    ) -> None:
        """Connect, and check address, certificate and key. Raises MispRefused, MispAway.

        `url` is the base URL without a trailing slash. `ca_bundle` is a file of certificates to trust instead
        of the usual ones; certificates are always verified.
        """
        logging.getLogger("pymisp").disabled = True
        #: Base URL of the MISP.
        self.url = url
        self._patience = patience or Patience()
        _check(url, key)
        self._sorts: bool | None = None
        self._misp = self._ask(
            lambda: _CheckedMisp(
                url + "/",
                key,
                ssl=ca_bundle or True,
                timeout=TIMEOUT,
                tool="douglas-quaid",
            )
        )

    @property
    def now(self) -> int:
        """The server's clock at its last response, or this machine's if the server does not state it."""
        return self._misp.date or int(time.time())

    def sorts(self) -> bool:
        """Return whether the server sorts on request; versions without that parameter ignore it."""
        if self._sorts is None:
            first, last, two = (
                self._search(Filters(), type_attribute=list(FILE_TYPES), limit=n, page=1, order=by)
                for n, by in ((1, RISING), (1, FALLING), (2, RISING))
            )
            if len(two) < 2:
                return True  # nothing to sort; asked again when there is
            self._sorts = [row.uuid for row in first] != [row.uuid for row in last]
        return self._sorts

    def page(self, filters: Filters, since: Since, number: int, size: int) -> list[Attribute]:
        """Return a page of attributes without their files, deleted ones too, by rising timestamp."""
        return self._search(
            filters,
            type_attribute=list(filters.types),
            timestamp=since.attribute or None,
            event_timestamp=since.event or None,
            publish_timestamp=since.publication or None,
            deleted=[0, 1],
            page=number,
            limit=size,
            order=RISING,
        )

    def tagged(self, tags: Sequence[str], since: Since, number: int, size: int) -> list[Attribute]:
        """Return a page of attributes of all types that have one of these tags, or whose event has one."""
        return self._search(
            Filters(tags=tuple(tags)),
            timestamp=since.attribute or None,
            page=number,
            limit=size,
            order=RISING,
        )

    def present(self, filters: Filters, attributes: Sequence[str]) -> list[Attribute]:
        """Return those of these attributes (UUIDs) that exist and pass MISP's filters, without
        their files.
        """
        return self._search(filters, type_attribute=list(filters.types), uuid=list(attributes))

    def named(self, attributes: Sequence[str]) -> list[Attribute]:
        """Return those of these attributes (UUIDs), of all types, that exist and are not deleted, without
        their files.
        """
        return self._search(Filters(), uuid=list(attributes))

    def files(self, attributes: Sequence[str]) -> list[Attribute]:
        """Return these attributes (UUIDs) with their files, in any order, without those that no longer exist.

        A request for several is sent only twice: the caller then requests them one by one, which takes less
        memory of the server.
        """
        return self._search(
            Filters(), tries=2 if len(attributes) > 1 else None, uuid=list(attributes), with_attachments=True
        )

    def similarities(self, event: str) -> list[Similarity]:
        """Return the results of our module that are saved in the event (UUID).

        The whole event is requested, because MISP shows an object's references nowhere else.
        """
        return self._ask(lambda: similarities_of(self._misp.search(controller="events", eventid=event)))

    def has_event(self, event: str) -> bool:
        """Return whether MISP has this event (id or UUID) and shows it."""
        return bool(self._events(eventid=event))

    def has_organisation(self, org: str) -> bool:
        """Return whether MISP has this organisation (name, id or UUID) and shows it or an event of it."""
        if self._events(org=org):  # also finds names that an address cannot contain
            return True
        try:
            self._ask(lambda: self._misp.get_organisation(quote(org, safe="")))
            return True
        except MispMissing:
            return False

    def has_tag(self, tag: str) -> bool:
        """Return whether MISP has a tag of this name; % is a wildcard."""
        return bool(self._ask(lambda: _listed(self._misp.search_tags(tag))))

    def relate(self, relation: Relationship) -> bool:
        """Write a relationship that only the organisation of the key sees. Return False if it
        exists already.
        """
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

    def _events(self, **options: Any) -> list[Any]:
        """The first event that MISP finds, without its attributes."""
        return self._ask(
            lambda: _listed(self._misp.search(controller="events", metadata=True, limit=1, **options))
        )

    def _search(self, filters: Filters, *, tries: int | None = None, **options: Any) -> list[Attribute]:
        return self._ask(
            lambda: attributes_of(
                self._misp.search(
                    controller="attributes",
                    tags=list(filters.tags) or None,
                    org=filters.org,
                    published=True if filters.published else None,
                    eventid=filters.event,
                    include_event_tags=True,
                    include_event_uuid=True,
                    **options,
                )
            ),
            tries,
        )

    def _ask(self, request: Callable[[], Result], tries: int | None = None) -> Result:
        tries = min(tries or self._patience.tries, self._patience.tries)
        wait = self._patience.first_wait
        for left in reversed(range(tries)):
            try:
                return request()
            except _Problem as error:
                if error.error is not MispAway:
                    raise error.error(f"{self.url}: {error}") from None
                problem, stated = str(error), error.wait
            except PyMISPUnexpectedResponse:  # its message contains the whole response
                problem, stated = "the response is incomplete or invalid JSON", None
            except PyMISPError as error:
                raise MispRefused(
                    f"{self.url}: does not respond like a MISP ({type(error).__name__});"
                    " is this the base URL of a MISP?"
                ) from None
            except ValueError as error:  # JSON, but not what MISP returns
                raise MispRefused(
                    f"{self.url}: {error}; is this the base URL of a MISP, 2.4 or newer?"
                ) from None
            if not left or (stated or 0) > self._patience.longest_wait:
                break
            time.sleep(wait if stated is None else stated)
            wait *= 2
        demand = f", and asks to wait {stated:.0f} s" if stated else ""
        raise MispAway(f"{self.url}: {problem}{demand}; tried {tries - left} times")


def _listed(response: object) -> list[Any]:
    """A response that is a list. Raises ValueError for any other."""
    if not isinstance(response, list):
        raise ValueError(f"a {type(response).__name__} instead of a list")
    return response


def is_key(text: str) -> bool:
    """Return whether a text has the form of a key of MISP. spec: 40 letters and digits."""
    return re.fullmatch("[A-Za-z0-9]{40}", text) is not None


def _check(url: str, key: str) -> None:
    if not is_base_url(url) or len(url) > 500:
        raise MispRefused(
            f"{shown(url)!r}: expected the base URL of a MISP without a user, such as https://misp.example.org"
        )
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise MispRefused(
            f"{url}: http would send the key unencrypted;"
            " use https, with --ca-bundle for a certificate of your own"
        )
    if not is_key(key):
        raise MispRefused(f"the key has {len(key)} characters; a key of MISP has 40 letters and digits")


def _connection_problem(error: OSError) -> _Problem:
    text = str(error)
    if "[X509" in text or "CA certificate bundle" in text:
        return _Problem("the file of --ca-bundle does not contain certificates that can be read")
    if isinstance(error, requests.exceptions.SSLError) and "CERTIFICATE" in text.upper():
        return _Problem(
            "its certificate is not trusted; name the authority that signed it with --ca-bundle FILE,"
            " or in REQUESTS_CA_BUNDLE"
        )
    if isinstance(error, requests.Timeout):
        return _Problem("no response in time", MispAway)
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return _Problem("the connection broke during the response", MispAway)
    if isinstance(error, requests.ConnectionError):
        return _Problem("cannot be reached, or the connection broke", MispAway)
    return _Problem(f"the request could not be sent ({type(error).__name__})")


def _message(response: requests.Response, key: str) -> str:
    """What MISP says about an error, in at most 200 characters and without the key."""
    try:
        body = response.json()
        text = str(body.get("message") or body.get("name") or body) if isinstance(body, dict) else str(body)
    except ValueError:
        text = response.reason or "no reason given"
    return harmless(text.replace(key, "***"), limit=200)


def _wait(response: requests.Response) -> float | None:
    """Seconds that the server asks to wait: Retry-After (RFC 9110), or MISP's own X-Rate-Limit-Reset."""
    given = response.headers.get("Retry-After", "").strip()
    if given.isdecimal():
        return float(given)
    moment = _seconds(given)
    if moment is not None:
        return max(0.0, moment - (_seconds(response.headers.get("Date")) or time.time()))
    reset = response.headers.get("X-Rate-Limit-Reset", "")
    return float(reset) if response.status_code == 429 and reset.isdecimal() else None


def _seconds(date: str | None) -> int | None:
    """An HTTP date in seconds since 1970; None if there is none that can be read."""
    try:
        moment = parsedate_to_datetime(date or "")
    except (ValueError, OverflowError):
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp())
