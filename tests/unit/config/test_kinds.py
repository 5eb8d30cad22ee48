"""How values read, and that every declaration is sound."""

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.addresses import Address, Certificates, Dsn, Folder, Url
from config.catalogue import ALIASES, OWN_PREFIXES, SETTINGS, WITHOUT_EFFECT
from config.kinds import Command, Flag, Seconds, Size, Slots, Tables, Text, Whole, Words
from config.redaction import MASK, mask_text, masked
from tests.receiver import self_signed

READS = [
    (Seconds(), "1h", 3600.0),
    (Seconds(), "168h", 604_800.0),
    (Seconds(), "1h30m", 5400.0),
    (Seconds(), "1.5s", 1.5),
    (Seconds(), "250ms", 0.25),
    (Seconds(), "90", 90.0),
    (Seconds(), 90, 90.0),
    (Size(), "500K", 512_000),
    (Size(), "1g", 1 << 30),
    (Size(), 17, 17),
    (Flag(), "YES", True),
    (Flag(), "off", False),
    (Flag(strict=True), "True", True),
    (Words(), "a, b,,c", ("a", "b", "c")),
    (Words(), ["a,b"], ("a,b",)),
    (Command(), "bash -c 'a b'", ("bash", "-c", "a b")),
    (Command(), ["sh", "-c"], ("sh", "-c")),
    (Slots(), "a/b=1,c=0", {"a/b": 1, "c": 0}),
    (Tables(), '{"p": {"k": 1}}', {"p": {"k": 1}}),
    (Address(), ":8000", "0.0.0.0:8000"),
    (Address(), "[::1]:0", "[::1]:0"),
    (Folder(), "/a/b", Path("/a/b")),
    (Folder(), Path("/a"), Path("/a")),
    (Certificates(), " ", None),
    (Url(("sqlite",)), "sqlite:////a/b.db", "sqlite:////a/b.db"),
    (Url(("postgresql",)), "postgres://h/d", "postgresql://h/d"),
    (Dsn(), "host=/run/pg dbname=d", "postgresql:///d?host=%2Frun%2Fpg"),
    (Dsn(), "user=u dbname=d", "postgresql://u@localhost/d"),
]


@pytest.mark.parametrize(("kind", "raw", "value"), READS)
def test_value_reads(kind, raw, value):
    assert kind.read(raw, text=isinstance(raw, str)) == value


KINDS = [
    Text("a+", "aaa", blank=False), Flag(), Whole(1, 5), Seconds(1, 5), Size(), Words(("a",)),
    Command(), Slots(), Tables(), Address(), Folder(), Url(("sqlite", "postgresql")), Dsn(),
    *(one.kind for one in SETTINGS),
]  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(kind=st.sampled_from(KINDS), raw=ANYTHING, text=st.booleans())
def test_any_value_reads_or_is_refused_with_words(kind, raw, text):
    words = ""
    try:
        kind.read(raw, text=text)
    except ValueError as error:
        words = str(error)
    # Any other exception fails the test; the words say what the value must be.
    assert words == "" or re.match(r"must|names|knows|for ", words)


def test_every_default_is_a_value_of_its_kind():
    for one in SETTINGS:
        if one.default is None:
            assert one.default_text, one.key
        elif not isinstance(one.default, Path):
            raw = list(one.default) if isinstance(one.default, tuple) else one.default
            assert one.kind.read(raw, text=False) == one.default, one.key


def test_every_variable_and_key_is_named_once():
    names = [name for one in SETTINGS for name in (one.variable, *one.also)]
    names += [alias.variable for alias in ALIASES]
    keys = [one.key for one in SETTINGS] + [alias.key for alias in ALIASES] + list(WITHOUT_EFFECT)
    assert [name for name, times in Counter(names + keys).items() if times > 1] == []


def test_a_dialects_own_variable_is_its_prefix_and_the_key():
    by_key = {one.key: one for one in SETTINGS}
    assert OWN_PREFIXES == {"task_tracker": "TT_", "tork": "TORK_"}
    assert by_key["task_tracker.monitoring.snapshot_interval"].also == (
        "TT_MONITORING_SNAPSHOT_INTERVAL",
    )
    assert by_key["tork.middleware.web.cors.enabled"].also == ("TORK_MIDDLEWARE_WEB_CORS_ENABLED",)
    assert by_key["manticore.domain"].also == ("DOMAIN_NAME",)


def test_settings_that_look_secret_are_declared_secret():
    for one in SETTINGS:
        if one.key.endswith(("secret", "encryption.key", "encryption_key", "keyauth.key", "admin")):
            assert one.secret, one.key


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("to postgresql://u:p@h/d now", f"to postgresql://u:{MASK}@h/d now"),
        ("redis://:p/q@x@h:1", f"redis://:{MASK}@h:1"),
        ("host=h password=abc user=u", f"host=h password={MASK} user=u"),
        ("GET /x?token=abc&y=1", f"GET /x?token={MASK}&y=1"),
        ("http://127.0.0.1:8000/a", "http://127.0.0.1:8000/a"),
        ("mail a@b.c", "mail a@b.c"),
    ],
)
def test_passwords_in_text_are_masked(text, clean):
    assert mask_text(text) == clean


def test_keys_that_name_secrets_are_masked_at_any_depth():
    value = {
        "Authorization": "Bearer x",
        "rows": [{"API-Key": 5, "aws_access_key_id": "x", "name": "n", "password": ""}],
        3: "three",
    }
    assert masked(value) == {
        "Authorization": MASK,
        "rows": [{"API-Key": MASK, "aws_access_key_id": MASK, "name": "n", "password": ""}],
        "3": "three",
    }
    loop: list[object] = []
    loop.append(loop)
    assert MASK in str(masked(loop))


def test_certificates_are_read_when_the_server_starts(tmp_path):
    certificate, _ = self_signed(tmp_path)
    assert Certificates().read(str(certificate), text=True) == certificate
    (tmp_path / "words").write_text("no certificate")
    for path in (tmp_path / "words", tmp_path / "missing", tmp_path):
        with pytest.raises(ValueError, match="certificates in PEM form"):
            Certificates().read(str(path), text=True)
