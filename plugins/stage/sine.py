"""The built-in source: one line at once and then one every `INTERVAL` seconds, for ever."""

import json
import math
import os
import random
import sys
import time


def setting(name: str, otherwise: float) -> float:
    """Give a parameter of the job as a finite number; what is none counts as not given."""
    try:
        value = float(os.environ["MANTIS_PARAM_" + name])
    except (KeyError, ValueError):
        return otherwise
    return value if math.isfinite(value) else otherwise


def main() -> None:
    """Write lines until killed."""
    amplitude = setting("AMPLITUDE", 10.0)
    frequency = setting("FREQUENCY", 1.0)
    phase = setting("PHASE", 0.0)
    interval_s = min(max(setting("INTERVALSEC", 1.0), 0.001), 86_400.0)
    low, high = sorted((int(setting("MIN", 0)), int(setting("MAX", 100))))
    at_random = os.environ.get("MANTIS_PARAM_USERANDOM", "").strip().lower() == "true"
    x = 0
    due = time.monotonic()
    while True:
        shown = random.randint(low, high) if at_random else x  # noqa: S311 - no secret
        try:
            y = amplitude * math.sin(frequency * shown + phase)
        except (OverflowError, ValueError):
            y = 0.0
        text = f'{{"x": {shown:.6f}, "y": {y:.6f}}}'
        if not math.isfinite(y):
            text = json.dumps({"x": shown, "y": None})
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
        x += 2
        due = max(due + interval_s, time.monotonic() - interval_s)
        time.sleep(max(0.0, due - time.monotonic()))


main()
