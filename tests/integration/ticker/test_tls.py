"""Webhooks over https: whom they are sent to, and who is told nothing."""

import pytest

from tests.integration.ticker.sending import done, post
from tests.receiver import Receiver, self_signed


def test_a_receiver_is_spoken_to_over_tls_if_its_certificate_is_trusted(engine, start, tmp_path):
    certificate, identity = self_signed(tmp_path)
    receiver = Receiver(identity=identity)
    try:
        post(engine, f"{receiver.url}/x", "1", "2")
        start(webhook_ca=certificate)
        done(engine)
        assert [each.body for each in receiver.at("/x")] == [b"1", b"2"]
        assert receiver.at("/x")[0].headers["host"] == f"localhost:{receiver.port}"
    finally:
        receiver.close()


@pytest.mark.parametrize("trusted", ["nobody", "another", "another name"])
def test_a_receiver_nobody_vouches_for_is_told_nothing(engine, start, tmp_path, lines, trusted):
    (tmp_path / "other").mkdir()
    other, _ = self_signed(tmp_path / "other")
    certificate, identity = self_signed(tmp_path)
    receiver = Receiver(identity=identity)
    url = receiver.url
    if trusted == "another name":
        url = url.replace("localhost", "127.0.0.1")
    files = {"nobody": None, "another": other, "another name": certificate}
    try:
        post(engine, f"{url}/secret-path", "secret body")
        start(webhook_ca=files[trusted])
        done(engine)
        assert receiver.messages == []
    finally:
        receiver.close()
    [failed] = [line for line in lines if line["event"] == "webhook-failed"]
    assert failed["reason"].startswith("TLS failed: its certificate is not trusted: ")
    assert "secret" not in str(lines)
