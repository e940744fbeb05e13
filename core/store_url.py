"""URLs of stores: which are well-formed, and how they are shown without what is secret.

One grammar does both. What matches it has its password in a known place, which is never shown. What does not
match is refused before anything connects, and nothing of it is shown: its password may stand anywhere.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from .errors import ConfigError

#: Shown in place of what is or may be secret.
HIDDEN = "***"

#: What a store may be, for messages.
EXPECTED = (
    "expected embedded:, embedded:PATH, redis://, rediss:// or redis+cluster://[USER:PASSWORD@]HOST[:PORT],"
    " or unix://PATH, with / @ # ? : in a user or password as %2F %40 %23 %3F %3A; or a service, http:// or"
    " https://HOST[:PORT]/"
)

_HOST = r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+(?:%\w+)?\])(?::\d{1,5})?"
#: Where a password is expected. It may hold an unescaped `@` or `:`, as redis-py allows.
_LOGIN = r"(?:(?P<login>[^/?#]*)@)?"
_OPTIONS = r"(?P<options>\?[^#]*)?"
_SERVER = re.compile(
    rf"(?P<scheme>[A-Za-z][A-Za-z+]*)://{_LOGIN}(?P<place>(?:{_HOST}(?:,{_HOST})*)?(?:/\d*)?){_OPTIONS}"
)
_SOCKET = re.compile(rf"(?P<scheme>unix)://{_LOGIN}(?P<place>/[^?#:@]*){_OPTIONS}")
#: A path. What looks like a login or an option is a URL of another kind that was mistyped.
_FOLDER = re.compile(r"embedded:(?!//)(?!.*(?:://|:.*@|[?&;]\w*=))(?![^/]*@).*")
#: A wrong value that cannot be a password in a URL: a word, or a number.
_PLAIN = re.compile(r"[A-Za-z_]{0,30}|[+-]?[0-9][0-9.,e+-]{0,40}")

_SERVERS = ("redis", "rediss", "redis+cluster", "unix")
#: A service: no login, which is the key's, and no options.
_SERVICE = re.compile(rf"(?P<scheme>https?)://(?P<place>{_HOST})/?")


def shown(url: str) -> str:
    """Return a URL without its password and options, for messages; `***` if it is malformed."""
    if not url.isprintable():
        return HIDDEN
    if _FOLDER.fullmatch(url):
        return url
    if _SERVICE.fullmatch(url):
        return url
    found = _SOCKET.fullmatch(url) or _SERVER.fullmatch(url)
    if found is None:
        return HIDDEN
    login, options = found["login"], f"?{HIDDEN}" if found["options"] else ""
    return f"{found['scheme']}://{'' if login is None else _shown_login(login)}{found['place']}{options}"


def _shown_login(login: str) -> str:
    user, _, password = login.partition(":")
    return f"{user}:{HIDDEN}@" if password and re.fullmatch(r"[\w.-]*", user) else f"{HIDDEN}@"


def shown_value(value: object) -> str:
    """Return a wrong value of a setting for messages: a word or a number as it is, a URL as `shown` does."""
    return repr(value) if _PLAIN.fullmatch(str(value)) else repr(shown(str(value)))


def is_service(url: str) -> bool:
    """Return whether a URL names a service, http://HOST[:PORT]/ or https://HOST[:PORT]/, and not a store."""
    return _SERVICE.fullmatch(url) is not None


def check_store_url(url: str, *, name: str = "store") -> None:
    """Check that a URL is well-formed and names a kind of store. Raises ConfigError that calls it `name`."""
    plain = url if url.startswith("embedded:") else unquote(url)
    if not plain.isprintable() or url != url.strip():
        raise ConfigError(f"{name} holds a control character, or space around it; remove that")
    if is_service(url):
        return
    found = _SOCKET.fullmatch(url) or _SERVER.fullmatch(url)
    if not _FOLDER.fullmatch(url) and (found is None or found["scheme"] not in _SERVERS or " " in url):
        raise ConfigError(f"{name} {shown(url)!r}: {EXPECTED}")
