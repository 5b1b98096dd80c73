"""Reads the address of a PostgreSQL database before libpq does.

libpq repeats an address that it cannot read, and the password with it. So it only gets
addresses that were read here and written anew. The rules are those of PostgreSQL's
documentation ("Connection Strings" of libpq); where libpq would guess where a password
ends, the address is refused. No message here shows any part of an address.
"""

import re
from urllib.parse import unquote_to_bytes

from clv_warehouse.project.contracts import PublishError

# The parameters that a client of libpq 18 may set.
PARAMETERS = re.compile(
    "application_name|channel_binding|client_encoding|connect_timeout|dbname|"
    "fallback_application_name|gss(delegation|encmode|lib)|host|hostaddr|"
    "keepalives(_count|_idle|_interval)?|krbsrvname|load_balance_hosts|"
    "(ssl_)?(max|min)_protocol_version|oauth_(client_id|client_secret|issuer|scope)|"
    "options|passfile|password|port|replication|require_auth|requirepeer|"
    "scram_(client|server)_key|service|servicefile|"
    "ssl(cert|certmode|compression|crl|crldir|key|keylogfile|mode|negotiation)|"
    "ssl(password|rootcert|sni)|target_session_attrs|tcp_user_timeout|user"
)
# SQLAlchemy adds a driver's name (postgresql+psycopg://), Java a jdbc: before it.
SCHEME = re.compile(r"(?:jdbc:)?postgres(?:ql)?(?:\+\w+)?://", re.IGNORECASE)
HOST = re.compile(
    r"(?:\[(?P<bracketed>[^\]\[]+)\]|(?P<plain>[^:\]\[]*))(?::(?P<port>.*))?"
)
# A name, and a value between apostrophes or up to the next space.
SETTING = re.compile(
    r"(?P<name>[^\s=']+)\s*=\s*(?:'(?P<quoted>(?:[^'\\]|\\.)*)'(?!\S)"
    r"|(?P<plain>(?:(?!')(?:[^\s\\]|\\.)+)?))\s*",
    re.DOTALL,
)
ENCODE = (
    "Percent-encode what is neither letter nor digit in user, password and parameters: "
    "@ is %40, / is %2F, : is %3A, ? is %3F, & is %26, # is %23, % is %25, space is %20"
)
QUOTE = "Put a value that has spaces between apostrophes: password='two words'"


def readable_address(text: str) -> str:
    """Return an address as libpq reads it without fail: host='...' user='...'.

    `text` is postgresql://USER@HOST/DATABASE or host=HOST user=USER dbname=DATABASE.
    The name of a driver is taken off (postgresql+psycopg://, jdbc:postgresql://).
    Raises PublishError where libpq could not read it, or where it is not clear which
    part of it is the password.
    """
    text = text.strip()
    if scheme := SCHEME.match(text):
        parameters = _of_uri(text[scheme.end() :])
    elif "=" in text:
        parameters = _of_settings(text)
    else:
        raise _unreadable(
            "it does not begin with postgresql://, and has no parameter such as host=",
            "Write it without quotation marks",
        )
    for port in parameters.get("port", "").split(","):
        if port and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65536):
            raise _unreadable("a port is not a number from 1 to 65535", ENCODE)
    return " ".join(
        f"{name}='{_escaped(value)}'" for name, value in parameters.items() if value
    )


def _of_uri(rest: str) -> dict[str, str]:
    """Return the parameters in what follows postgresql://."""
    if re.search(r"\s", rest):
        raise _unreadable("it has a space or a line break in it", ENCODE)
    person, at, place = rest.rpartition("@")
    if re.search("[@/?]", person):
        raise _unreadable(
            "it has two @, or a / or ? before the @, so the end of the password is not "
            "clear",
            ENCODE,
        )
    parameters: dict[str, str] = {}
    if at:
        user, _, password = person.partition(":")
        parameters |= {"user": _decoded(user), "password": _decoded(password)}
    place, _, query = place.partition("?")
    hosts, _, database = place.partition("/")
    found = [HOST.fullmatch(host) for host in hosts.split(",")]
    each = [match for match in found if match]
    if len(each) < len(found):
        raise _unreadable("a host has a bracket that is not closed", ENCODE)
    names = [_decoded(match["bracketed"] or match["plain"] or "") for match in each]
    ports = [match["port"] or "" for match in each]
    parameters["host"] = ",".join(names)
    parameters["port"] = ",".join(ports)
    parameters["dbname"] = _decoded(database)
    for number, pair in enumerate(query.split("&") if query else (), start=1):
        name, equals, value = pair.partition("=")
        if pair == "ssl=true":  # libpq reads Java's parameter so.
            name, value = "sslmode", "require"
        if not equals or "=" in value or not PARAMETERS.fullmatch(name):
            raise _unreadable(f"libpq has no parameter as number {number}", ENCODE)
        parameters[name] = _decoded(value)
    return parameters


def _of_settings(text: str) -> dict[str, str]:
    """Return the parameters in host=HOST user=USER ..."""
    parameters: dict[str, str] = {}
    position = 0
    while position < len(text):
        number = len(parameters) + 1
        found = SETTING.match(text, position)
        if not found:
            raise _unreadable(f"parameter {number} is not of the form a=b", QUOTE)
        name = found["name"]
        if not PARAMETERS.fullmatch(name):
            raise _unreadable(f"libpq has no parameter as number {number}", QUOTE)
        if name in parameters:
            raise _unreadable(f"parameter {number} is there twice", QUOTE)
        value = found["plain"] if found["quoted"] is None else found["quoted"]
        parameters[name] = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        position = found.end()
    return parameters


def _decoded(text: str) -> str:
    """Return a text of which characters may be percent-encoded."""
    # No exception may hold the text: a traceback would show it.
    decoded = unquote_to_bytes(text).decode("utf-8", errors="replace")
    if re.search("%(?![0-9A-Fa-f]{2})|%00", text) or "\ufffd" in decoded:
        raise _unreadable("a % is not followed by the code of a character", ENCODE)
    return decoded


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _unreadable(why: str, way_out: str) -> PublishError:
    return PublishError(
        f"The address of PostgreSQL (--dsn or CLV_POSTGRES) cannot be read: {why}. "
        f"{way_out}. Or write postgresql://USER@HOST:5432/DATABASE and keep the "
        "password in ~/.pgpass. This message does not show the address, because it may "
        "hold a password."
    )
