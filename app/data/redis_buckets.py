"""Buckets in Redis, for installations that have it: no write to the database for each use."""

import time

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.data.buckets import RowBuckets
from app.domain.clock import Instant

log = structlog.get_logger(__name__)

_TIMEOUT_S = 0.5
_AWAY_S = 5.0
"""How long a server that failed is left alone."""
# As the statement of `RowBuckets`, by the clock of the server. Gives the seconds to wait, as text:
# numbers lose their fractions on the way.
_TAKE = """
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 'level', 'at')
local level, at = tonumber(kept[1] or 0), tonumber(kept[2] or now)
if now > at then
  level = math.max(0, level - (now - at) * rate)
  at = now
end
if level + 1 > burst + 0.000001 then
  return tostring((level + 1 - burst) / rate)
end
redis.call('HSET', KEYS[1], 'level', string.format('%.6f', level + 1), 'at',
           string.format('%.6f', at))
redis.call('PEXPIRE', KEYS[1], math.ceil((level + 1) / rate * 1000) + 1000)
return '0'
"""


class RedisBuckets:
    """Buckets that all processes share which reach one Redis server.

    otherwise: where they are while the server is away, so that limits hold all the same.
    """

    def __init__(self, url: str, *, otherwise: RowBuckets) -> None:
        """Prepare without connecting; ValueError for an address that is not Redis's."""
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            retry=Retry(NoBackoff(), 1),
        )
        self._script = self._client.register_script(_TAKE)
        self._otherwise = otherwise
        self._away_until = 0.0

    def take(self, name: str, *, rate: float, burst: float, now: Instant) -> float:
        """Use one of a bucket; as `RowBuckets.take`, but by the clock of the server."""
        if time.monotonic() >= self._away_until:
            try:
                return float(self._script(keys=[f"jobyard:bucket:{name}"], args=[rate, burst]))
            except (redis.RedisError, OSError) as error:
                self._away_until = time.monotonic() + _AWAY_S
                log.warning("limits-without-redis", error=str(error))
        return self._otherwise.take(name, rate=rate, burst=burst, now=now)
