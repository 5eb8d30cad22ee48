"""The fixtures give what they promise: real services, each test with its own share."""

import os
import socket
import subprocess

import docker
import psycopg
import pytest
import redis


def tables(url):
    """Return the names of the tables that a fresh connection sees."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return [name for (name,) in rows]


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_a_fresh_postgres_database(postgres_url, turn):
    assert tables(postgres_url) == []
    with psycopg.connect(postgres_url) as connection:
        connection.execute("CREATE TABLE mine (id int)")
    assert tables(postgres_url) == ["mine"]


def test_postgres_commits_to_disk(postgres_url):
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_an_empty_redis(redis_url, turn):
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("mine", turn)
        assert client.get("mine") == str(turn).encode()


def test_database_url_names_both_databases(database_url, request):
    scheme = database_url.partition(":")[0]
    asked = request.node.callspec.params["database_url"]
    assert scheme == {"sqlite": "sqlite", "postgres": "postgresql"}[asked]


def test_an_image_known_by_its_docker_name_runs(docker_host):
    client = docker.DockerClient(base_url=docker_host)
    try:
        assert "docker.io/library/ubuntu:mantic" in client.images.get("ubuntu:mantic").tags
        said = client.containers.run("ubuntu:mantic", ["/bin/sh", "-c", "echo $0"], remove=True)
    finally:
        client.close()
    assert said == b"/bin/sh\n"


def test_no_image_is_pulled_from_outside(docker_host):
    client = docker.DockerClient(base_url=docker_host)
    try:
        with pytest.raises(docker.errors.APIError):
            client.images.pull("no-such-image", tag="latest")
    finally:
        client.close()


def test_blender_answers_without_a_display(blender):
    said = subprocess.run([blender, "--background", "--version"], capture_output=True, check=True)
    assert said.stdout.startswith(b"Blender ")


@pytest.mark.parametrize("name", ["ffmpeg", "ffprobe"])
def test_ffmpeg_and_ffprobe_lie_side_by_side(ffmpeg, name):
    said = subprocess.run([ffmpeg.with_name(name), "-version"], capture_output=True, check=True)
    assert said.stdout.startswith(name.encode())


def test_chromium_answers_without_a_display(chromium):
    said = subprocess.run([chromium, "--version"], capture_output=True, check=True)
    assert said.stdout.startswith(b"Chromium ")


def test_data_dir_is_short_enough_for_sockets(data_dir):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(data_dir / ("s" * 60)))
    assert [path.is_socket() for path in data_dir.iterdir()] == [True]


def test_free_port_can_be_bound(free_port):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port))


def test_the_addresses_are_hidden_from_servers_under_test():
    assert [name for name in os.environ if name.startswith("JOBYARD_TEST_")] == []
