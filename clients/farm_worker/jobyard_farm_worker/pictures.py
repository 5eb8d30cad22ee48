"""Which of the rendered pictures is shown."""

import os
from pathlib import Path

SHOWN = {".png", ".jpg", ".jpeg"}
MOST_BYTES = 16 * 1024 * 1024


class Pictures:
    """Finds the newest picture of a task, each once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shown: tuple[Path, int, int] | None = None

    def newest(self, saved: str | None) -> Path | None:
        """Give the newest picture that was not given yet; None when there is none.

        saved: the path of the last one by the program's own words, for output on shared storage.
        """
        best: tuple[int, int, Path] | None = None
        named = [Path(saved)] if saved is not None else []
        for path in (*self._inside(), *named):
            if path.suffix.lower() not in SHOWN:
                continue
            try:
                about = path.stat()
            except OSError:
                continue
            if not 0 < about.st_size <= MOST_BYTES:
                continue
            found = (about.st_mtime_ns, about.st_size, path)
            best = found if best is None else max(best, found)
        if best is None or (best[2], best[0], best[1]) == self._shown:
            return None
        self._shown = (best[2], best[0], best[1])
        return best[2]

    def _inside(self) -> list[Path]:
        """Give what is in the folder; a program that removes folders may be at work in it."""
        walked = os.walk(self._folder)
        return [Path(base) / name for base, _, names in walked for name in names]
