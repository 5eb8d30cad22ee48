"""What can go wrong between a worker and its tracker."""


class TrackerError(Exception):
    """Any of them."""


class Unreachable(TrackerError):
    """The server does not answer, or not as a tracker does; another try may succeed."""


class Refused(TrackerError):
    """The server said no. status: of HTTP. The text is the server's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class RateLimited(Refused):
    """It comes too often. delay_s: after so many seconds a try can succeed."""

    def __init__(self, message: str, delay_s: float) -> None:
        super().__init__(429, message)
        self.delay_s = delay_s
