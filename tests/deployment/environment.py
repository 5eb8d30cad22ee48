"""Fresh environments as users have them: Jobyard and plugin packages installed by pip.

No network is used: what Jobyard itself needs is seen where the running interpreter has it.
"""

import shutil
import site
import subprocess
import sysconfig
import venv
from pathlib import Path

from tests.deployment.program import ROOT, Program

OFFLINE = ("--no-deps", "--no-index", "--disable-pip-version-check", "--quiet")


def tracked(*folders: str) -> list[str]:
    """Files that git knows or would add, by their names in the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).exists()]


def build_wheel(folder: Path) -> Path:
    """Build the wheel from a copy of the checkout: a build leaves files beside the sources."""
    copy = folder / "source"
    for name in tracked():
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    words = ["wheel", "--no-build-isolation", *OFFLINE, "-w", folder, copy]
    _pip(Path(sysconfig.get_path("scripts")) / "python", *words)
    (wheel,) = folder.glob("*.whl")
    return wheel


class Environment:
    """A virtual environment with Jobyard from a wheel. here: a folder that is not the checkout."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        home = folder / "environment"
        venv.EnvBuilder(with_pip=False, symlinks=True).create(home)
        places = {"base": str(home), "platbase": str(home)}
        self.packages = Path(sysconfig.get_path("purelib", vars=places))
        self.bin = home / "bin"
        self.here = folder / "elsewhere"
        self.here.mkdir()
        # Its own packages come first. A folder named here is searched, but the links in it to an
        # editable installation are not followed.
        (self.packages / "surroundings.pth").write_text("\n".join(site.getsitepackages()) + "\n")
        # The surroundings have a Jobyard as well, which does not count.
        self.install(wheel, "--ignore-installed")

    def install(self, what: Path, *options: str) -> None:
        """Install a wheel, or a copy of a package's folder."""
        if what.is_dir():
            copy = self.here / "built" / what.name
            shutil.copytree(what, copy)
            what = copy
        _pip(self.bin / "python", "install", "--no-build-isolation", *OFFLINE, *options, what)

    def jobyard(self, *words: str, **settings: str) -> Program:
        """The installed command."""
        return Program([self.bin / "jobyard", *words], cwd=self.here, **settings)

    def python(self, *words: str, **settings: str) -> Program:
        """The environment's Python."""
        return Program([self.bin / "python", *words], cwd=self.here, **settings)


def _pip(python: Path, *words: str | Path) -> None:
    done = subprocess.run(
        [str(word) for word in (python, "-m", "pip", *words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout
