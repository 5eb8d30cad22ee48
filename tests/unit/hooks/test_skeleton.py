"""The beginnings of a plugin package."""

import tomllib
from pathlib import Path

import pytest

from app.domain.errors import AlreadyExists, Rejected
from app.hooks.skeleton import write_skeleton


def test_package_has_metadata_code_and_tests(tmp_path: Path) -> None:
    target = tmp_path / "new"
    written = write_skeleton("make-cake", target)
    assert sorted(str(path.relative_to(target)) for path in written) == [
        "README.md",
        "pyproject.toml",
        "src/jobyard_make_cake/__init__.py",
        "tests/test_jobyard_make_cake.py",
    ]
    project = tomllib.loads((target / "pyproject.toml").read_text())["project"]
    assert project["name"] == "jobyard-make-cake"
    assert project["entry-points"]["jobyard"] == {"make-cake": "jobyard_make_cake"}
    code = (target / "src/jobyard_make_cake/__init__.py").read_text()
    compile(code, "skeleton", "exec")
    assert "class MakeCake(JobInterface)" in code
    assert '"$GREETING from make-cake"' in code


@pytest.mark.parametrize(
    "name", ["", "Cake", "1cake", "-cake", "cake-", "a--b", "a_b", "ca ke", "../cake", "x" * 41]
)
def test_bad_name_writes_nothing(name: str, tmp_path: Path) -> None:
    target = tmp_path / "new"
    with pytest.raises(Rejected):
        write_skeleton(name, target)
    assert not target.exists()


def test_directory_with_anything_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(AlreadyExists):
        write_skeleton("cake", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
