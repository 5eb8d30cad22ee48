"""No two get the same port, whoever they are and however they end."""

import errno
import multiprocessing
import os
import resource
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.worker.runtimes.ports import Ports
from tests.integration.worker.watching import eventually


@pytest.fixture
def ports(few_ports):
    return few_ports(20)


def test_a_port_can_be_listened_on_and_is_in_the_range(ports):
    taken = ports.take(3)
    assert len(set(taken.numbers)) == 3
    for number in taken.numbers:
        assert ports.first <= number <= ports.last
        with socket.create_server(("127.0.0.1", number)):
            pass
    taken.give_back()


def test_no_ports_are_no_shortage(ports):
    assert ports.take(0).numbers == []


def test_all_or_none_is_taken(ports):
    most = ports.take(18)
    assert ports.take(3) is None
    rest = ports.take(2)
    assert not set(rest.numbers) & set(most.numbers)
    assert ports.take(1) is None
    most.give_back()
    again = ports.take(18)
    assert set(again.numbers) == set(most.numbers)
    again.give_back()
    rest.give_back()


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "127.0.0.2"])
def test_a_port_that_a_stranger_listens_on_is_left_alone(ports, address):
    with socket.create_server((address, ports.first)):
        taken = ports.take(19)
        assert ports.first not in taken.numbers
        assert ports.take(1) is None
        taken.give_back()


def test_many_that_ask_at_once_get_different_ports(ports):
    with ThreadPoolExecutor(10) as crowd:
        found = list(crowd.map(lambda _: ports.take(2), range(10)))
    numbers = [number for taken in found if taken for number in taken.numbers]
    assert len(numbers) == len(set(numbers))
    for taken in found:
        if taken:
            taken.give_back()


def _hold(first, last, said):
    taken = Ports(first, last).take(15)
    said.send(taken.numbers)
    signal.pause()


def test_ports_of_another_process_are_taken_until_it_dies(ports):
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    other = context.Process(target=_hold, args=(ports.first, ports.last, there))
    other.start()
    try:
        theirs = set(here.recv())
        ours = ports.take(5)
        assert not set(ours.numbers) & theirs
        assert ports.take(1) is None
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.join()
    freed = []
    eventually(lambda: freed.append(ports.take(15)) or freed[-1] is not None)
    freed[-1].give_back()
    ours.give_back()


def test_want_of_descriptors_is_no_want_of_ports(ports):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 4, hard))
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
            ports.take(20)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    taken = ports.take(20)  # nothing was kept
    assert taken is not None
    taken.give_back()
