"""Rates that are counted in Redis."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from app.data.buckets import RowBuckets
from app.data.db import Store
from app.data.redis_buckets import RedisBuckets
from app.data.schema import migrate
from app.domain.clock import SystemClock


@pytest.fixture
def rows(data_dir):
    store = Store(f"sqlite:///{data_dir / 'x.db'}")
    migrate(store, store)
    yield RowBuckets(store)
    store.release_all()


def take(buckets, name="a", rate=0.001, burst=13.0):
    return buckets.take(name, rate=rate, burst=burst, now=SystemClock().now())


def test_many_at_once_get_no_more_than_the_burst(redis_url, rows):
    def use(_):
        buckets = RedisBuckets(redis_url, otherwise=rows)
        return [take(buckets) for _ in range(10)]

    with ThreadPoolExecutor(8) as pool:
        waits = [wait for each in pool.map(use, range(8)) for wait in each]
    assert waits.count(0.0) == 13
    # The next is there when one has drained.
    assert all(0 < wait <= 1000 for wait in waits if wait)
    with redis.Redis.from_url(redis_url) as client:
        # It goes by itself when it has drained.
        assert 12_000_000 < client.pttl("jobyard:bucket:a") <= 13_001_000


def test_a_bucket_drains_by_the_clock_of_the_server(redis_url, rows):
    buckets = RedisBuckets(redis_url, otherwise=rows)
    assert take(buckets, rate=1e6, burst=1.0) == 0.0
    assert take(buckets, name="b", rate=1e6, burst=1.0) == 0.0
    assert take(buckets, rate=1e6, burst=1.0) == 0.0


def test_without_the_server_the_database_counts(free_port, rows):
    buckets = RedisBuckets(f"redis://127.0.0.1:{free_port}/0", otherwise=rows)
    assert [take(buckets, burst=2.0) > 0 for _ in range(4)] == [False, False, True, True]
    assert take(rows, burst=2.0) > 0


def test_an_address_that_is_none_is_refused(rows):
    with pytest.raises(ValueError, match="scheme"):
        RedisBuckets("http://x", otherwise=rows)
