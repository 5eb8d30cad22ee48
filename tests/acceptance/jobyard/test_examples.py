"""What docs/api.md shows works as it stands there."""

import json
import re
import subprocess
from pathlib import Path

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_examples_run_one_after_another(yard):
    script = ["set -eu", f"SERVER={yard.url}", "API=$SERVER/api/jobyard/v1"]
    commands = [line for block in BLOCKS for line in block.replace("\\\n", "").splitlines()]
    assert len(commands) > 12
    for number, command in enumerate(commands):
        quick = " || test $? = 28" if "--max-time" in command else ""
        script += [f"echo; echo '@@{number}'", command + quick]
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": yard.environment["PATH"]},
    )
    assert done.returncode == 0, done.stderr
    said = re.split(r"^@@\d+$\n?", done.stdout, flags=re.MULTILINE)[1:]
    assert len(said) == len(commands)
    for command, answer in zip(commands, said, strict=True):
        if "/log/text" in command or command.startswith("JOB="):
            continue
        if "/events" in command:
            assert "event: ready" in answer
            continue
        document = json.loads(answer)
        refused = document.get("code")
        # The job may be over before it is cancelled, and is then not to be restarted.
        assert refused is None or (refused == "illegal-move" and "PUT" in command), command


def test_every_error_word_that_the_page_names_exists():
    source = "".join(
        path.read_text() for path in (Path(__file__).parents[3] / "app").rglob("errors.py")
    )
    errors = PAGE.partition("## Errors")[2].partition("## Jobs")[0]
    words = re.findall(r"\(`([a-z-]+)`\)", errors)
    assert len(words) > 5
    for word in words:
        camel = "".join(part.capitalize() for part in word.split("-"))
        assert f'"{word}"' in source or f"class {camel}(" in source, word
