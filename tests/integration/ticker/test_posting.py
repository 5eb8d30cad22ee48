"""Which addresses a message may go to."""

from app.ticker import posting


def test_what_is_allowed_is_reached_and_of_the_rest_the_public_internet_alone():
    reach = posting.Reach.of(["169.254.0.0/16", "10.1.2.3"], private=False)
    permitted = ["169.254.169.254", "10.1.2.3", "8.8.8.8", "2001:4860:4860::8888"]
    assert [each for each in permitted if not reach.permits(each)] == []
    forbidden = [
        "10.1.2.4",
        "127.0.0.1",
        "::1",
        "fe80::1%lo",
        "fd00:ec2::254",
        "0.0.0.0",
        "224.0.0.1",
    ]
    assert [each for each in forbidden if reach.permits(each)] == []


def test_link_local_and_metadata_addresses_are_out_of_reach_however_they_are_written():
    reach = posting.Reach()
    assert reach.permits("127.0.0.1")
    assert reach.permits("10.0.0.1")
    for address in ("169.254.169.254", "::ffff:169.254.169.254", "fe80::1%eth0", "fd00:ec2::254"):
        assert not reach.permits(address)
