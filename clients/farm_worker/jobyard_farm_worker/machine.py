"""What a worker tells of its machine."""

import os
import platform
import shutil
import time
import uuid
from pathlib import Path
from typing import Any


def system() -> str:
    """Give the name of the system and its release, such as `Linux 6.1.0`."""
    return f"{platform.system()} {platform.release()}".strip()


def mac_address() -> int:
    """Give the number of a network card, or one that stands for it."""
    return uuid.getnode()


class Machine:
    """Measures; what a system does not tell is left out."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._busy = _processor_times()

    def frequent(self) -> dict[str, Any]:
        """Tell load and processor."""
        told: dict[str, Any] = {}
        if hasattr(os, "getloadavg"):
            loads = os.getloadavg()
            names = ("1min", "5min", "15min")
            told["load_average"] = {
                name: round(load, 2) for name, load in zip(names, loads, strict=True)
            }
        before, self._busy = self._busy, _processor_times()
        if before is not None and self._busy is not None:
            total = self._busy[1] - before[1]
            busy = self._busy[0] - before[0]
            told["worker_cpu_percent"] = round(100 * busy / total, 1) if total > 0 else 0.0
        return told

    def less_frequent(self) -> dict[str, Any]:
        """Tell what changes slowly."""
        told: dict[str, Any] = {
            "worker_num_cpus": os.cpu_count() or 1,
            "worker_architecture": platform.machine(),
        }
        try:
            disk = shutil.disk_usage(self._folder)
            told["worker_disk_percent"] = round(100 * disk.used / disk.total, 1)
        except (OSError, ZeroDivisionError):
            pass
        memory = _memory_percent()
        if memory is not None:
            told["worker_mem_percent"] = memory
        return told


def _processor_times() -> tuple[int, int] | None:
    """Give busy and all time of the processors, in ticks; None where the system has no such."""
    try:
        words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        ticks = [int(word) for word in words[:8]]
    except (OSError, ValueError):
        return None
    if len(ticks) < 5:
        return None
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def _memory_percent() -> float | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines if ":" in line}
        total, free = sizes["MemTotal"], sizes["MemAvailable"]
    except (OSError, ValueError, KeyError, IndexError):
        return None
    return round(100 * (total - free) / total, 1) if total else None


def now_s() -> float:
    """Give the time that pauses and costs are measured by."""
    return time.monotonic()
