"""Work that keeps a processor busy, and would keep all others of its process waiting."""

import sys
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_a_real_thread(work: Callable[[], T]) -> T:
    """Run it in another thread where greenlets share this one; else simply run it.

    It gets on beside the others only while it holds no lock of the interpreter.
    """
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return work()
    answer: T = sys.modules["gevent"].get_hub().threadpool.apply(work)
    return answer
