"""The kinds of setting that say where something is: addresses, folders, URLs.

They read as config.kinds describes.
"""

import ipaddress
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from config.kinds import Words, need_text

_PORT_MAX = 65_535


@dataclass(frozen=True)
class Address:
    """HOST:PORT. `:8000` is every address of the machine, as Go writes it; `[::1]:8000` is IPv6."""

    word: str = "HOST:PORT"

    def read(self, raw: object, *, text: bool) -> str:
        """Give the address with its host always named."""
        del text
        host, colon, port = raw.strip().rpartition(":") if isinstance(raw, str) else ("", "", "")
        number = int(port) if re.fullmatch(r"[0-9]{1,5}", port) else -1
        if not colon or not 0 <= number <= _PORT_MAX or not _is_host(host):
            raise ValueError("must be HOST:PORT, like 127.0.0.1:8000 or [::1]:8000")
        return f"{host or '0.0.0.0'}:{number}"  # noqa: S104 - refusals() judges what was asked for


def _is_host(host: str) -> bool:
    if host.startswith("[") and host.endswith("]"):
        try:
            ipaddress.IPv6Address(host[1:-1])
        except ValueError:
            return False
        return True
    return re.fullmatch(r"[A-Za-z0-9._-]*", host) is not None


@dataclass(frozen=True)
class Folder:
    """A path; a relative one counts from the folder the process was started in."""

    word: str = "path"

    def read(self, raw: object, *, text: bool) -> Path:
        """Give the absolute path, so that a later change of folder does not move it."""
        del text
        if isinstance(raw, Path):
            return raw.absolute()
        value = need_text(raw)
        if not value.strip():
            raise ValueError("must be a path")
        return Path(value).absolute()


@dataclass(frozen=True)
class Certificates:
    """A file of certificates in PEM form; empty for none."""

    word: str = "path"

    def read(self, raw: object, *, text: bool) -> Path | None:
        """Give the absolute path of a file that holds at least one certificate."""
        if isinstance(raw, str) and not raw.strip():
            return None
        path = Folder().read(raw, text=text)
        try:
            ssl.create_default_context(cafile=path)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise ValueError("must be a readable file of certificates in PEM form") from error
        return path


@dataclass(frozen=True)
class Url:
    """An address with one of `schemes`; empty where the setting allows none."""

    schemes: tuple[str, ...]

    @property
    def word(self) -> str:
        """Give the schemes."""
        return "URL: " + ", ".join(f"`{scheme}://…`" for scheme in self.schemes)

    def read(self, raw: object, *, text: bool) -> str:
        """Give the address with the scheme checked; `postgres` is read as `postgresql`."""
        del text
        value = need_text(raw).strip()
        if not value:
            return ""
        if "postgresql" in self.schemes and value.startswith("postgres://"):
            value = "postgresql" + value.removeprefix("postgres")
        scheme, separator, rest = value.partition("://")
        if not separator or scheme not in self.schemes:
            raise ValueError(f"must begin with {' or '.join(f'{s}://' for s in self.schemes)}")
        if scheme == "sqlite":
            # Every process opens the file for itself, so memory would be a database for each.
            if not rest.startswith("/") or rest in {"/", "/:memory:"}:
                raise ValueError(
                    "must name a file: sqlite:///relative.db or sqlite:////absolute.db"
                )
            return f"sqlite:///{Path(rest[1:]).absolute()}"
        try:
            urlsplit(value).port  # noqa: B018 - reading it is what checks it
        except ValueError as error:
            raise ValueError("must be a URL with a whole number as its port") from error
        return value


@dataclass(frozen=True)
class Networks:
    """Addresses and networks, such as `10.0.0.0/8`: a TOML list, or text with commas."""

    word: str = "list of addresses and networks"

    def read(self, raw: object, *, text: bool) -> tuple[str, ...]:
        """Give them as text, each checked."""
        words = Words().read(raw, text=text)
        for each in words:
            try:
                ipaddress.ip_network(each, strict=False)
            except ValueError as error:
                raise ValueError("must hold addresses and networks, like 10.0.0.0/8") from error
        return words


@dataclass(frozen=True)
class Dsn:
    """A PostgreSQL address as Go programs write it: a URL, or `host=… dbname=…`; gives a URL."""

    word: str = "PostgreSQL URL, or `host=… dbname=…`"
    url: Url = field(default_factory=lambda: Url(("postgresql",)))

    def read(self, raw: object, *, text: bool) -> str:
        """Give the address as a URL."""
        if not isinstance(raw, str) or not raw.strip():
            raise ValueError("must be a PostgreSQL address")
        return self.url.read(raw if "://" in raw else _from_pairs(raw), text=text)


def _from_pairs(dsn: str) -> str:
    pairs: dict[str, str] = {}
    end = 0
    # libpq's rules: blanks end a value unless it is quoted; a backslash takes the next character.
    for found in re.finditer(r"\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s'\\]|\\.)*)\s*", dsn):
        if found.start() != end:
            break
        value = found[2][1:-1] if found[2].startswith("'") else found[2]
        pairs[found[1]] = re.sub(r"\\(.)", r"\1", value)
        end = found.end()
    if end != len(dsn):
        raise ValueError("must be a PostgreSQL address: a URL, or host=… user=… dbname=…")
    who = quote(pairs.pop("user", ""), safe="")
    if password := pairs.pop("password", ""):
        who += ":" + quote(password, safe="")
    host, port = pairs.pop("host", "localhost"), pairs.pop("port", "")
    if host.startswith("/"):  # a folder holding the Unix socket
        pairs["host"], host = host, ""
    address = f"postgresql://{who}{'@' if who else ''}{host}{':' if port else ''}{port}"
    address += "/" + quote(pairs.pop("dbname", ""), safe="")
    rest = "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs.items())
    return f"{address}?{rest}" if rest else address
