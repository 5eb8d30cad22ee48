"""Addresses of pages."""

from urllib.parse import quote, urlencode


def query(**given: object) -> str:
    """Write the query of an address of those parts that are set."""
    pairs = [(name, str(value)) for name, value in given.items() if value not in (None, "")]
    return urlencode(pairs, errors="replace")


def path(*parts: object) -> str:
    """Write a path of parts that may hold anything."""
    return "".join(f"/{quote(str(part), safe='', errors='replace')}" for part in parts)
