"""`jobyard user`: what it makes, and what it refuses in one line."""

import pytest

from app.cli import run
from app.data.schema import migrate
from app.wiring import build
from config.settings import load


@pytest.fixture
def services(data_dir, monkeypatch):
    monkeypatch.setenv("JOBYARD_DATA_DIR", str(data_dir))
    built = build(load({"JOBYARD_DATA_DIR": str(data_dir)}))
    migrate(built.store, built.log_store)
    yield built
    built.close()


@pytest.fixture
def user(services, monkeypatch, capsys, tmp_path):
    """Run the command; give (exit status, standard output, standard error)."""

    def user(*words, given=""):
        path = tmp_path / "stdin"
        path.write_text(given)
        with path.open() as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            status = run(["user", *words])
        said = capsys.readouterr()
        return status, said.out, said.err

    return user


def test_a_user_from_beginning_to_end(user, services):
    accounts = services.engine.accounts
    assert user("ls") == (0, "there is no user yet\n", "")
    made = user("add", "alice", "--name", "A", "--password-stdin", given="a b \n")
    assert made == (0, "user alice was created\n", "")
    assert accounts.authenticate("tork", "alice", "a b ").name == "A"
    assert user("disable", "alice")[0] == 0
    assert user("ls") == (0, "alice  disabled\n", "")
    assert user("enable", "alice")[0] == 0
    assert user("password", "alice", "--password-stdin", given="new")[0] == 0
    assert accounts.authenticate("tork", "alice", "new")
    assert user("role", "alice") == (0, "alice: no role\n", "")
    assert user("role", "alice", "--add", "ops", "--add", "dev", "--create")[1] == (
        "alice: dev, ops\n"
    )
    assert user("role", "alice", "--remove", "dev", "--add", "ops")[1] == "alice: ops\n"
    assert user("ls") == (0, "alice  enabled   ops\n", "")


@pytest.mark.parametrize(
    ("words", "given", "text"),
    [
        (["add", "bob", "--password-stdin"], "x", "user already exists"),
        (["add", "guest", "--password-stdin"], "x", "user already exists"),
        (["add", " ", "--password-stdin"], "x", "must provide username"),
        (["add", "a:b", "--password-stdin"], "x", "username: must not contain a colon"),
        (["add", "eve", "--password-stdin"], "\n", "must provide password"),
        (["add", "e" * 257, "--password-stdin"], "x", "username: must have at most 256 characters"),
        (["password", "bob", "--password-stdin"], " \n", "must provide password"),
        (["password", "eve", "--password-stdin"], "x", "there is no user eve"),
        (["disable", "eve"], "", "there is no user eve"),
        (["enable", "eve"], "", "there is no user eve"),
        (["role", "eve"], "", "there is no user eve"),
        (["role", "bob", "--add", "nope"], "", "there is no role nope; --create makes it"),
        (["role", "bob", "--remove", "nope"], "", "there is no role nope"),
        (["role", "bob", "--add", "public"], "", "role 'public' is neither given nor taken"),
    ],
)
def test_what_cannot_be_is_one_line(user, services, words, given, text):
    services.engine.accounts.create("tork", username="bob", password="x")
    assert user(*words, given=given) == (1, "", f"jobyard: {text}\n")
    assert [each.username for each in services.engine.accounts.listed("tork")] == ["bob"]
    assert services.engine.roles.listed("tork") == []
    assert services.engine.accounts.authenticate("tork", "bob", "x")
