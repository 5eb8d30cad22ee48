"""Encrypted columns: what is written comes back with its key, and with no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.data.vault import MARK, OPEN, Vault
from app.domain.masking import ENCRYPTED
from app.domain.sealed import SealedJson, SealedText
from tests.fuzzing import examples

FIRST, SECOND = Vault("a first key"), Vault("another")
TEXTS = st.text(st.characters(exclude_categories=()), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("vault", [OPEN, FIRST])
@examples(100)
@given(text=TEXTS, value=st.dictionaries(TEXTS, JSON, max_size=4))
def test_what_is_written_comes_back(vault: Vault, text: str, value: dict[str, object]) -> None:
    assert vault.read(vault.write(text)) == text
    assert vault.loads(vault.dumps(value)) == value
    assert vault.write(None) is vault.read(None) is None


@given(text=TEXTS)
def test_plain_text_is_never_taken_for_encrypted(text: str) -> None:
    assert not OPEN.write(MARK + text).startswith(MARK)
    assert FIRST.read(OPEN.write(MARK + text)) == MARK + text


def test_what_is_stored_does_not_show_it() -> None:
    for stored in (FIRST.write("hunter2"), FIRST.dumps({"secrets": {"name": "hunter2"}})):
        assert "hunter2" not in stored
        assert stored.startswith(MARK)
    assert FIRST.write("hunter2") != FIRST.write("hunter2")


@pytest.mark.parametrize("other", [OPEN, SECOND])
def test_without_the_key_it_says_so_and_loses_nothing(other: Vault) -> None:
    text, value = FIRST.write("hunter2"), FIRST.dumps({"secrets": {"a": "b"}, "tasks": [1]})
    read, loaded = other.read(text), other.loads(value)
    assert isinstance(read, SealedText)
    assert read == ENCRYPTED
    assert isinstance(loaded, SealedJson)
    assert loaded == {"secrets": {"a": ENCRYPTED}}
    # A row that is written again, by somebody who could not read it.
    assert FIRST.read(other.write(read)) == "hunter2"
    assert FIRST.loads(other.dumps(loaded)) == {"secrets": {"a": "b"}, "tasks": [1]}
    assert other.loads(FIRST.dumps([1])) == {}


def test_an_earlier_key_decrypts_and_the_first_encrypts() -> None:
    rotated = Vault("another", ["a first key", ""])
    assert rotated.read(FIRST.write("old")) == "old"
    assert SECOND.read(rotated.write("new")) == "new"
    assert rotated.key_ids == FIRST.key_ids | SECOND.key_ids
    only_reads = Vault("", ["a first key"])
    assert only_reads.read(FIRST.write("old")) == "old"
    assert only_reads.write("new") == "new"
    assert not only_reads.seals


@pytest.mark.parametrize("at", [2, 10, 30, -3])
def test_what_was_changed_is_not_read(at: int) -> None:
    stored = FIRST.dumps({"secrets": {"name": "value"}})
    other = "A" if stored[at] != "A" else "B"
    changed = stored[:at] + other + (stored[at + 1 :] if at != -1 else "")
    assert isinstance(FIRST.loads(changed), SealedJson)
    assert isinstance(FIRST.read(stored[:40]), SealedText)
    assert isinstance(FIRST.loads(stored[:40]), SealedJson)
