"""How long to wait before the next try."""

LONGEST_US = 24 * 3600 * 1_000_000


def delay_us(first_us: int, factor: float, failures: int) -> int:
    """Give the wait after the n-th failure in a row: first * factor^(n-1), a day at most."""
    if first_us <= 0:
        return 0
    try:
        return min(round(first_us * factor ** (failures - 1)), LONGEST_US)
    except OverflowError:
        return LONGEST_US
