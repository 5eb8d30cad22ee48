"""Fire times against a day-by-day oracle, written-out dates and generated expressions."""

import pickle
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from app.domain.cron import CronInvalid, parse_crontab, parse_quartz
from tests.unit.domain import cron_oracle as oracle

PARSERS = {"crontab": parse_crontab, "quartz": parse_quartz}
START = datetime(2026, 1, 30, 12, 34, 56, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")

CRONTAB = """
* * * * * | */5 * * * * | 0/10 * * * * | 7-59/13 3 * * * | 30 8 * * MON-FRI | 0 0 * * 0
0 0 * * 7 | 0 0 * * 5-7 | 0 0 * * FRI-SUN | 0 0 * * 6-0 | 0 0 * * 7/3 | 0 0 * * 7-2 | 0 0 * * 0-7/2
0 0 1 * * | 0 0 31 * * | 0 0 29 2 * | 0 12 13 * FRI | 0 0 1,15 * wed | 0 0 */2 * 1
0 0 */1 * 1 | 0 0 1-31 * 1 | 0 0 10 * */2 | 0 0 ? * 3 | 0 0 5 ? ? | 0 0 5,* * 2
15,45 */6 1-7 jan,JUL * | 0 0 29 FEB 1 | 59 23 31 12 * | */90 * * * * | 0 0 * * */1,3
0 22/5 1/9 3-11/4 2/2 | ? ? * * *
"""
QUARTZ = """
0 0 12 * * ? | 0 15 10 ? * * | 0 0-5 14 * * ? | 5 * * * * ? | */2 * * * * ? | /7 /13 /5 * * ?
0 0 0 L * ? | 0 0 0 LW * ? | 0 0 0 L-2 * ? | 0 0 0 L-30 * ? | 0 0 0 L-3W * ? | 0 0 0 15W * ?
0 0 0 1W * ? | 0 0 0 31W * ? | 0 0 0 30W FEB ? | 0 0 0 ? * 6L | 0 0 0 ? * L | 0 0 0 ? * FRIL
0 0 0 ? * 6#3 | 0 0 0 ? * FRI#1 | 0 0 0 ? * 6#5 | 0 0 0 ? * 2#1,6#3 | 0 0 0 ? * 2,6#3,7L
0 0 0 ? 2 2#5 | 0 0 22-2 * * ? | 50-10/7 0 0 * * ? | 0 0 0 28-3 * ? | 0 0 0 1 NOV-FEB ?
0 0 0 ? * FRI-MON | 0 0 0 ? * 6-2/2 | 0 0 0 ? * */2 | 0 0 0 */10 * ? | 0 0 0 5/9 3/4 ?
0 0 0 1W,15,L,L-7 * ? | 0 0 0 29 2 ? 2028/8 | 0 0 0 ? * 1 2030-2032 | 59 59 23 31 12 ? 2099
0 0 0 29W 2 ? | 1,2,3 4 5 ? jan mon-fri
"""


def table(form, text):
    return [(form, e.strip()) for line in text.strip().splitlines() for e in line.split("|")]


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def first(cron, count, after=START, zone=UTC):
    return cron.fires_between(after, at("9990-01-01"), count, zone)


@pytest.mark.parametrize(("form", "text"), table("crontab", CRONTAB) + table("quartz", QUARTZ))
def test_firings_equal_the_oracle(form, text):
    cron = PARSERS[form](text)
    expected = oracle.firings(form, text, START, 6, years=75)
    assert expected
    assert first(cron, len(expected)) == expected
    assert (cron.text, cron.form) == (text, form)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        # From Friday, 30 January 2026, 12:34:56.
        ("crontab", "0 8 * * 1", ["2026-02-02T08:00", "2026-02-09T08:00"]),
        ("crontab", "0 0 13 * FRI", ["2026-02-06", "2026-02-13", "2026-02-20", "2026-02-27"]),
        ("crontab", "0 0 13 * *", ["2026-02-13", "2026-03-13"]),
        ("crontab", "0 0 29 2 *", ["2028-02-29", "2032-02-29"]),
        ("quartz", "0 0 0 ? * 1", ["2026-02-01", "2026-02-08"]),
        ("quartz", "0 0 0 LW * ?", ["2026-02-27", "2026-03-31", "2026-04-30", "2026-05-29"]),
        ("quartz", "0 0 0 L-2 * ?", ["2026-02-26", "2026-03-29", "2026-04-28"]),
        ("quartz", "0 0 0 15W * ?", ["2026-02-16", "2026-03-16", "2026-04-15", "2026-05-15"]),
        ("quartz", "0 0 0 1W * ?", ["2026-02-02", "2026-03-02", "2026-04-01", "2026-05-01"]),
        ("quartz", "0 0 0 1W AUG ?", ["2026-08-03", "2027-08-02", "2028-08-01"]),
        ("quartz", "0 0 0 ? * 6L", ["2026-02-27", "2026-03-27"]),
        ("quartz", "0 0 0 ? * 6#3", ["2026-02-20", "2026-03-20"]),
        ("quartz", "0 0 0 ? * 6#5", ["2026-05-29", "2026-07-31"]),
        ("quartz", "0 0 22-2 * * ?", ["2026-01-30T22:00", "2026-01-30T23:00", "2026-01-31T00:00"]),
        ("quartz", "59 59 23 31 12 ? 2099", ["2099-12-31T23:59:59"]),
        # Over 2100, which has no leap day: the longest wait there is.
        ("quartz", "0 0 0 ? 2 2#5", ["2044-02-29", "2072-02-29", "2112-02-29"]),
    ],
)
def test_firings_equal_the_calendar(form, text, expected):
    assert first(PARSERS[form](text), len(expected)) == [at(day) for day in expected]


@pytest.mark.parametrize(
    ("word", "fields"),
    [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
    ],
)
def test_descriptor_stands_for_fields(word, fields):
    assert first(parse_crontab(word), 5) == oracle.firings("crontab", fields, START, 5)
    assert parse_crontab(f" {word}\n").form == "crontab"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("* * * *", "4 fields instead of 5"),
        ("0 * * * * *", "6 fields instead of 5"),
        ("60 * * * *", "minute 60 is not within 0-59"),
        ("* 24 * * *", "hour 24"),
        ("* * 0 * *", "day of month 0"),
        ("* * 32 * *", "day of month 32"),
        ("* * * 13 *", "month 13"),
        ("* * * * 8", "day of week 8"),
        ("* * * * MO", "does not know 'MO'"),
        ("* * * MON *", "month does not know 'MON'"),
        ("*/0 * * * *", "step of 0"),
        ("5-1 * * * *", "ends before it begins"),
        ("* * * * FRI-MON", "ends before it begins"),
        ("1,,2 * * * *", "cannot be ''"),
        ("/5 * * * *", "cannot be '/5'"),
        ("-5 * * * *", "cannot be '-5'"),
        ("1-2-3 * * * *", "cannot be"),
        ("*-5 * * * *", "cannot be"),
        ("1.5 * * * *", "cannot be"),
        ("* * L * *", "does not know 'L'"),
        ("* * 15W * *", "does not know '15W'"),
        ("* * * * 5#3", "cannot be"),
        ("H * * * *", "does not know 'H'"),
        ("R * * * *", "does not know 'R'"),
        ("* * * * fr\u0131", "character"),
        ("\u0661 * * * *", "character"),
        ("* * * *\x00 *", "character"),
        ("0 0 30 2 *", "never fires"),
        ("0 0 31 4,6,9,11 *", "never fires"),
        ("TZ=UTC * * * * *", "6 fields"),
        ("@reboot", "descriptor: '@reboot'"),
        ("@Daily", "descriptor"),
        ("@daily 5", "descriptor"),
        ("@every", "descriptor"),
        ("@every ", "descriptor"),
        ("@every x", "duration"),
        ("@every 5", "duration"),
        ("@every -5s", "duration"),
        ("@every 1h 5s", "duration"),
        ("@every 1d", "duration"),
        ("@every .s", "duration"),
        ("@every 0", "duration"),
        ("@every 0s", "at least one second"),
        ("@every 999ms", "at least one second"),
        ("@every 99999999h", "292 years"),
        ("@every " + "9" * 190 + "h", "292 years"),
        (",".join(["1"] * 100) + " * * * *", "longer than 200"),
        ("1" * 190 + " * * * *", "minute 1111"),
    ],
)
def test_bad_crontab_is_refused(text, reason):
    with pytest.raises(CronInvalid, match=re.escape(reason)) as caught:
        parse_crontab(text)
    assert caught.value.text == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("* * * * ?", "5 fields instead of 6 or 7"),
        ("0 0 0 * * ? * *", "8 fields"),
        ("0 0 0 * * *", "exactly one"),
        ("0 0 0 ? * ?", "exactly one"),
        ("0 0 0 1 * 1", "exactly one"),
        ("0 0 ? * * ?", "hour cannot be '?'"),
        ("0 0 0 ?,1 * ?", "cannot be '?'"),
        ("0 0 0 ?/2 * ?", "cannot be '?'"),
        ("60 0 0 * * ?", "second 60"),
        ("*/60 0 0 * * ?", "step of 60"),
        ("0 0 */24 * * ?", "step of 24"),
        ("0/0 0 0 * * ?", "step of 0"),
        ("0 0 0 */32 * ?", "step of 32"),
        ("0 0 0 ? * */8", "step of 8"),
        ("0 0 0 0/5 * ?", "day of month 0"),
        ("0 0 0 ? * 0", "day of week 0"),
        ("0 0 0 ? * 8", "day of week 8"),
        ("0 0 0 ? * 6#0", "first to the fifth"),
        ("0 0 0 ? * 6#6", "first to the fifth"),
        ("0 0 0 ? * 8#1", "day of week 8"),
        ("0 0 0 ? * 8L", "day of week 8"),
        ("0 0 0 ? * XYZL", "does not know 'XYZ'"),
        ("0 0 0 ? * L-3", "does not know 'L'"),
        ("0 0 0 ? * LW", "does not know 'LW'"),
        ("0 0 0 L-31 * ?", "more than 30"),
        ("0 0 0 32W * ?", "day of month 32"),
        ("0 0 0 0W * ?", "day of month 0"),
        ("0 0 0 1-5W * ?", "does not know '5W'"),
        ("0 0 0 WL * ?", "does not know 'WL'"),
        ("0 0 L * * ?", "hour does not know 'L'"),
        ("0 0 0 1 JAN-FOO ?", "does not know 'FOO'"),
        ("0 0 0 1 1 ? 1969", "year 1969"),
        ("0 0 0 1 1 ? 2100", "year 2100"),
        ("0 0 0 1 1 ? 2030-2029", "ends before it begins"),
        ("0 0 0 1 1 ? */130", "step of 130"),
        ("0 0 0 30 2 ?", "never fires"),
        ("0 0 0 L-30 FEB ?", "never fires"),
        ("0 0 0 29 2 ? 2027", "never fires"),
        ("0 0 0 ? 2 2#5 2045-2071", "never fires"),
        ("@daily", "1 fields"),
    ],
)
def test_bad_quartz_is_refused(text, reason):
    with pytest.raises(CronInvalid, match=re.escape(reason)) as caught:
        parse_quartz(text)
    assert caught.value.text == text


def test_spent_quartz_expression_never_fires_again():
    text = "0 0 0 1 1 ? 2020-2026"
    cron = parse_quartz(text)
    assert cron.next_after(at("2025-06-01")) == at("2026-01-01")
    assert cron.next_after(at("2026-01-01")) is None
    assert cron.fires_between(at("2024-06-01"), at("2050-01-01"), 9) == [
        at("2025-01-01"),
        at("2026-01-01"),
    ]
    assert parse_quartz(text, after=at("2025-06-01")) == cron
    with pytest.raises(CronInvalid, match="never fire again"):
        parse_quartz(text, after=at("2026-01-01"))


def test_refusal_travels_between_processes():
    refusal = pickle.loads(pickle.dumps(CronInvalid("x", "why")))
    assert (refusal.text, refusal.reason) == ("x", "why")
    assert str(refusal) == "invalid cron expression: why"


def test_next_is_strictly_after_and_keeps_no_fraction():
    cron = parse_quartz("* * * * * ?")
    assert cron.next_after(at("2026-01-01")) == at("2026-01-01T00:00:01")
    assert cron.next_after(at("2026-01-01T00:00:00.999999")) == at("2026-01-01T00:00:01")


def test_stray_fold_changes_nothing():
    cron = parse_crontab("* * * * *")
    for zone in (UTC, BERLIN):
        moment = datetime(2026, 1, 1, 12, tzinfo=zone)
        assert cron.next_after(moment.replace(fold=1), zone) == moment + timedelta(minutes=1)


def test_ends_of_time_do_not_overflow():
    cron = parse_crontab("0 0 1 1 *")
    earliest, latest = at("0001-01-01"), at("9999-12-31T23:59:59")
    assert cron.next_after(earliest) == at("1970-01-01")
    assert cron.next_after(latest, ZoneInfo("Pacific/Kiritimati")) is None
    assert cron.next_after(at("9998-06-01"), BERLIN) is None
    every = parse_crontab("@every 24h")
    assert every.next_after(latest, anchor=START) is None
    assert every.next_after(earliest, anchor=START) == START + timedelta(days=1)


def test_between_includes_the_end_and_excludes_the_start():
    cron = parse_crontab("0 * * * *")
    noon = at("2026-01-01T12:00")
    hours = [noon + timedelta(hours=n) for n in range(1, 4)]
    assert cron.fires_between(noon, hours[-1], 10) == hours
    assert cron.fires_between(noon, hours[-1], 2) == hours[:2]
    assert cron.fires_between(noon, hours[-1], 0) == []
    assert cron.fires_between(noon, noon, 10) == []


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("@every 1s", timedelta(seconds=1)),
        ("@every 90s", timedelta(seconds=90)),
        ("@every 1h30m", timedelta(minutes=90)),
        ("@every 1.5h", timedelta(minutes=90)),
        ("@every  1m.5s", timedelta(seconds=60.5)),
        ("@every 1s1500us2\u00b5s3\u03bcs999ns", timedelta(seconds=1, microseconds=1505)),
        ("@every 2000ms", timedelta(seconds=2)),
    ],
)
def test_every_fires_at_whole_periods_after_its_anchor(text, period):
    cron = parse_crontab(text)
    assert cron.form == "every"
    assert cron.next_after(START - timedelta(days=9), anchor=START) == START + period
    assert cron.next_after(START, anchor=START) == START + period
    assert cron.next_after(START + period, anchor=START) == START + 2 * period
    between = START + 7 * period + timedelta(microseconds=1)
    assert cron.next_after(between, BERLIN, anchor=START) == START + 8 * period
    assert cron.fires_between(START, START + 2.5 * period, 9, anchor=START) == [
        START + period,
        START + 2 * period,
    ]


def test_times_without_zone_are_refused():
    naive = START.replace(tzinfo=None)
    every = parse_crontab("@every 1m")
    with pytest.raises(ValueError, match="time zone"):
        parse_crontab("* * * * *").next_after(naive)
    with pytest.raises(ValueError, match="anchor"):
        every.next_after(START)
    with pytest.raises(ValueError, match="anchor"):
        every.next_after(START, anchor=naive)


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        # Spring: 29 March 2026, 02:00 to 03:00 is skipped at 01:00 UTC.
        ("30 2 * * *", "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),
        ("*/20 2 * * *", "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:00"]),
        ("*/30 * * * *", "2026-03-29T00:00", ["2026-03-29T00:30", "2026-03-29T01:00"]),
        # Autumn: 25 October 2026, 02:00 to 03:00 comes at 00:00 and again at 01:00 UTC.
        ("30 2 * * *", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
        ("30 2 * * *", "2026-10-25T00:45", ["2026-10-26T01:30"]),
        ("30 2 * * *", "2026-10-25T01:10", ["2026-10-26T01:30"]),
        ("0 3 * * *", "2026-10-25T01:59:59.5", ["2026-10-25T02:00"]),
        ("*/30 * * * *", "2026-10-25T00:00", ["2026-10-25T00:30", "2026-10-25T02:00"]),
        ("0 12 * * *", "2026-07-01T00:00", ["2026-07-01T10:00"]),
    ],
)
def test_clock_changes_in_berlin(text, after, expected):
    cron = parse_crontab(text)
    assert first(cron, len(expected), at(after), BERLIN) == [at(time) for time in expected]


def test_day_that_a_zone_skips_fires_when_the_next_one_begins():
    # Samoa crossed the date line: 30 December 2011 never was.
    cron = parse_crontab("0 12 30 12 *")
    fired = cron.next_after(at("2011-12-01"), ZoneInfo("Pacific/Apia"))
    assert fired == at("2011-12-30T10:00")


CLOCK_CHANGES = [
    ("Europe/Berlin", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/New_York", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01T06:00"),
    ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"),
    ("Pacific/Apia", "2011-12-30T10:00"),
]


def numbers(low, high):
    return st.integers(low, high).map(str)


def steps(base, high):
    return st.tuples(base, st.integers(1, high)).map("{0[0]}/{0[1]}".format)


def ranges(values, order=None):
    pairs = st.tuples(values, values)
    pairs = pairs if order is None else pairs.map(lambda pair: sorted(pair, key=order))
    return pairs.map("-".join)


def lists(term):
    return st.lists(term, min_size=1, max_size=3).map(",".join)


def crontab_field(low, high, names=()):
    plain = ranges(numbers(low, high), int)
    term = numbers(low, high) | plain | steps(plain | numbers(low, high) | st.just("*"), high)
    if names:
        term |= st.sampled_from(names)
    return st.just("*") | st.just("?") | lists(term | st.just("*"))


def quartz_field(low, high, names=(), special=None):
    value = numbers(low, high) | (st.sampled_from(names) if names else st.nothing())
    plain = ranges(value)
    term = value | plain | steps(plain | value | st.sampled_from(["*", ""]), min(high, 59))
    return st.just("*") | lists(term | special if special is not None else term)


CRONTABS = st.tuples(
    crontab_field(0, 59),
    crontab_field(0, 23),
    crontab_field(1, 31),
    crontab_field(1, 12, oracle.MONTHS[1:]),
    crontab_field(0, 6, [*oracle.DAYS, "7"]),
).map(" ".join)
QUARTZ_DAYS = st.one_of(
    st.sampled_from(["L", "LW", "lw"]),
    numbers(0, 30).map("L-{}".format),
    numbers(0, 30).map("L-{}W".format),
    numbers(1, 31).map("{}W".format),
)
QUARTZ_WEEKDAYS = st.one_of(
    st.just("L"),
    (numbers(1, 7) | st.sampled_from(oracle.DAYS)).map("{}L".format),
    st.tuples(numbers(1, 7) | st.sampled_from(oracle.DAYS), numbers(1, 5)).map("#".join),
)
QUARTZ_DATES = st.one_of(
    st.tuples(
        quartz_field(1, 31, special=QUARTZ_DAYS),
        quartz_field(1, 12, oracle.MONTHS[1:]),
        st.just("?"),
    ),
    st.tuples(
        st.just("?"),
        quartz_field(1, 12, oracle.MONTHS[1:]),
        quartz_field(1, 7, oracle.DAYS, QUARTZ_WEEKDAYS),
    ),
)
QUARTZES = st.tuples(
    quartz_field(0, 59),
    quartz_field(0, 59),
    quartz_field(0, 23),
    QUARTZ_DATES.map(" ".join),
    st.just("") | lists(numbers(1970, 2099) | ranges(numbers(1970, 2099), int)),
).map(lambda parts: " ".join(parts).strip())
MOMENTS = st.datetimes(
    datetime(1971, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    datetime(2098, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
).map(lambda moment: moment.replace(microsecond=0))


def parsed(form, text):
    assume(len(text) <= 200)
    cron, reason = attempt(form, text)
    if cron is None:
        # The generators write only well-formed texts: the one fault left is a day that never is.
        assert "never fires" in reason
        assert oracle.firings(form, text, at("1970-01-01"), 1, years=129) == []
        reject()
    return cron


def attempt(form, text):
    """The Cron and no reason, or none and the reason; any other exception passes through."""
    try:
        return PARSERS[form](text), None
    except CronInvalid as invalid:
        return None, invalid.reason


@given(CRONTABS, MOMENTS)
def test_generated_crontabs_equal_the_oracle(text, moment):
    cron = parsed("crontab", text)
    assert first(cron, 3, moment) == oracle.firings("crontab", text, moment, 3, years=90)


@given(QUARTZES, MOMENTS)
def test_generated_quartz_equals_the_oracle(text, moment):
    cron = parsed("quartz", text)
    assert first(cron, 3, moment) == oracle.firings("quartz", text, moment, 3, years=129)


@given(
    st.tuples(crontab_field(0, 59), crontab_field(0, 23)).map("{0[0]} {0[1]} * * *".format),
    st.sampled_from(CLOCK_CHANGES),
    st.integers(-200, 100),
)
def test_generated_crontabs_equal_the_oracle_at_clock_changes(text, change, minutes):
    zone, instant = ZoneInfo(change[0]), at(change[1])
    start, end = instant + timedelta(minutes=minutes), instant + timedelta(hours=3)
    expected = oracle.zone_firings("crontab", text, instant - timedelta(hours=4), end, zone)
    fired = parse_crontab(text).fires_between(start, end, 500, zone)
    assert fired == [moment for moment in expected if moment > start]


@given(
    QUARTZES,
    st.sampled_from(CLOCK_CHANGES),
    st.timedeltas(timedelta(days=-2), timedelta(days=2)),
)
def test_firings_strictly_increase_in_any_zone(text, change, offset):
    cron = parsed("quartz", text)
    moment = at(change[1]) + offset
    for _ in range(5):
        following = cron.next_after(moment, ZoneInfo(change[0]))
        if following is None:
            break
        assert following > moment
        assert following.tzinfo is UTC
        moment = following


@given(
    st.text(max_size=250)
    | st.text("0123456789*/,-?LW# @JANMON", max_size=210)
    | st.lists(st.text("0123456789*/,-?LW#", max_size=5), min_size=5, max_size=7).map(" ".join)
    | st.text("0123456789.hmsuµn ", max_size=20).map("@every {}".format)
)
def test_garbage_raises_only_cron_invalid(text):
    for form in PARSERS:
        cron, reason = attempt(form, text)
        if cron is None:
            assert reason
        else:
            assert cron.next_after(at("1969-01-01"), anchor=at("1969-01-01")) is not None
