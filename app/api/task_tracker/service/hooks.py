"""Push messages of git hosts."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from app.api.task_tracker import tables
from app.api.task_tracker.documents import parsed
from app.api.task_tracker.errors import Unreadable
from app.wiring import Services

LONGEST_VERSION = 1024
MISMATCH = "Signature does not match"
_HASHES = {
    "X-Hub-Signature-256": "sha256",
    "X-Gogs-Signature": "sha256",
    "X-Gitea-Signature": "sha256",
    "X-Hub-Signature": "sha1",
}
_BRANCHES = ("master", "main")


def receive(services: Services, raw: bytes, headers: Mapping[str, str]) -> tuple[int, str]:
    """Note what was pushed to a project's repository; give status and text of the answer."""
    try:
        ref, after, full_name, default = _read(parsed(raw))
    except (Unreadable, KeyError, TypeError):
        return 400, ""
    branches = {f"refs/heads/{name}" for name in (*_BRANCHES, default) if name}
    store = services.engine.store
    with store.session():
        candidates = tables.of_repository(store, full_name) if ref in branches else []
    if not candidates or len(after) > LONGEST_VERSION or "\0" in after:
        return 400, ""
    signed = _signatures(services, headers)
    fitting = [project_id for project_id, key in candidates if _fits(raw, key, signed)]
    if not fitting:
        return 403, MISMATCH
    with store.transaction():
        for project_id in fitting:
            tables.set_version(store, project_id, after)
    return 200, ""


def _read(push: Any) -> tuple[str, str, str, str]:
    repository = push["repository"]
    texts = (push["ref"], push["after"], repository["full_name"])
    default = repository.get("default_branch") or ""
    if not all(isinstance(text, str) for text in (*texts, default)) or "\0" in texts[2]:
        raise TypeError
    return (*texts, default)


def _signatures(services: Services, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """Give (hash, hex text) of each signature that is there."""
    settings = services.settings.task_tracker
    known = [*_HASHES.items(), (settings.webhook_sig_header, settings.webhook_hash)]
    found = ((algorithm, headers.get(name.title())) for name, algorithm in known)
    return [(algorithm, text.rpartition("=")[2]) for algorithm, text in found if text]


def _fits(raw: bytes, key: str, signed: list[tuple[str, str]]) -> bool:
    fits = False
    for algorithm, text in signed:
        made = hmac.new(key.encode(), raw, getattr(hashlib, algorithm)).hexdigest()
        fits |= hmac.compare_digest(made.encode(), text.strip().encode())
    return fits
