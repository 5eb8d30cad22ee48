"""What travels when the bell is rung: a bounded set of topics, and how it is written down."""

import json
from collections.abc import Collection
from dataclasses import dataclass

#: The topic that means all of them.
EVERYTHING = "*"
#: More topics than this in one ring are cheaper to treat as all of them.
MAX_TOPICS = 64
#: Characters of all topics of one ring together; keeps a message below `MAX_MESSAGE_BYTES`.
MAX_CHARACTERS = 4_096
#: Nothing longer is ever sent: twelve bytes for each character at worst, and some for the frame.
MAX_MESSAGE_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring as it arrived from a process.

    origin: the name the sender gave itself, so that it can tell its own rings apart.
    topics: empty when the message only tried out the line.
    """

    origin: str
    topics: frozenset[str]


def bounded(topics: Collection[str]) -> frozenset[str]:
    """The topics without repetition, or `EVERYTHING` alone when they are too many or too long.

    A plain string counts as one topic and not as a collection of letters.
    """
    if isinstance(topics, str):
        topics = (topics,)
    if (
        EVERYTHING in topics
        or len(topics) > MAX_TOPICS
        or sum(len(topic) for topic in topics) > MAX_CHARACTERS
    ):
        return frozenset((EVERYTHING,))
    return frozenset(topics)


def encode(ring: Ring) -> bytes:
    """Write a ring whose topics are `bounded` as one message."""
    return json.dumps({"origin": ring.origin, "topics": sorted(ring.topics)}).encode("ascii")


def decode(message: bytes) -> Ring | None:
    """Read one message; None when it is not a ring, for anybody may write to a line."""
    try:
        fields = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict):
        return None
    origin, topics = fields.get("origin"), fields.get("topics")
    if not isinstance(origin, str) or not isinstance(topics, list):
        return None
    if not all(isinstance(topic, str) for topic in topics):
        return None
    return Ring(origin, bounded(topics))
