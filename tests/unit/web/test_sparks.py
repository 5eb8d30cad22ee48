"""Numbers over time as drawings."""

from app.web.sparks import HEIGHT, POINTS, WIDTH, per_minute, spark


def test_a_line_goes_from_edge_to_edge_and_stays_inside():
    found = spark([(0, 5.0), (50, 0.0), (100, 10.0)], 0, 100)
    points = [tuple(map(float, one.split(","))) for one in found.line.split()]
    assert (points[0][0], points[-1][0]) == (0, WIDTH)
    assert all(0 <= y <= HEIGHT for _, y in points)
    assert points[1][1] > points[0][1] > points[2][1]
    assert (found.least, found.most, found.last) == (0, 10, 10)


def test_it_takes_two_points():
    assert spark([], 0, 10) is None
    assert spark([(1, 1.0)], 0, 10) is None
    assert spark([(1, 1.0), (99, 1.0)], 0, 10) is None


def test_many_points_are_thinned_out():
    found = spark([(at, float(at % 7)) for at in range(10_000)], 0, 9_999)
    assert len(found.line.split()) <= POINTS + 1
    assert len(found.sample) == 12
    assert found.sample[0][0] == 9_999


def test_nothing_but_zeros_is_a_flat_line():
    found = spark([(0, 0.0), (10, 0.0)], 0, 10)
    assert {one.split(",")[1] for one in found.line.split()} == {f"{HEIGHT - 2:.1f}"}


def test_speed_is_never_negative():
    assert per_minute([(0, 0.0), (60, 30.0), (120, 5.0), (120, 9.0), (180, 11.0)]) == [
        (60, 30.0),
        (120, 0),
        (180, 2.0),
    ]
