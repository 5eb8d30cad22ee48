"""Cron expressions told to people."""

import pytest

from app.domain.cron import parse_crontab, parse_quartz
from app.domain.cron.words import told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("0 * * * *", "every hour"),
        ("0 */3 * * *", "every 3 hours"),
        ("0 */6 * * *", "at 00:00, 06:00, 12:00 and 18:00, every day"),
        ("@daily", "at 00:00, every day"),
        ("30 2 * * *", "at 02:30, every day"),
        ("0 9,17 * * 1-5", "at 09:00 and 17:00, Monday to Friday"),
        ("0 0 1 * *", "at 00:00, on day 1 of the month"),
        ("0 0 1,15 1-3 *", "at 00:00, on day 1 and 15 of the month, in January to March"),
        ("0 12 13 * 5", "at 12:00, on day 13 of the month or Friday"),
        ("*/10 8-17 * * *", "every 10 minutes, from 08:00 to 17:59"),
        ("7,37 * * * *", "at minute 7 and 37 of each hour"),
        ("*/15 1,5,9 * * 0", "every 15 minutes, in the hour of 01:00, 05:00 and 09:00, Sunday"),
        ("0 0 * * 1,0", "at 00:00, Monday and Sunday"),
        ("@every 1h30m", "every 1 hour 30 minutes"),
        ("@every 1m", "every minute"),
        ("@every 10s", "every 10 seconds"),
    ],
)  # fmt: skip
def test_crontab(text, words):
    assert told(parse_crontab(text)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("* * * * * ?", "every second"),
        ("*/15 * * * * ?", "every 15 seconds"),
        ("0 0/1 * * * ?", "every minute"),
        ("30 15 10 ? * *", "at 10:15:30, every day"),
        ("0 15 10 ? * MON-FRI", "at 10:15, Monday to Friday"),
        ("0 15 10 L * ?", "at 10:15, on the last day of the month"),
        ("0 15 10 L-2 * ?", "at 10:15, on the last day of the month, 2 before it"),
        ("0 15 10 LW * ?", "at 10:15, on the last weekday of the month"),
        ("0 15 10 15W * ?", "at 10:15, on the weekday nearest to day 15"),
        ("0 15 10 ? * 6L", "at 10:15, on the last Friday of the month"),
        ("0 15 10 ? * 6#3", "at 10:15, on the third Friday of the month"),
        ("0 0 12 1 1 ? 2030-2033", "at 12:00, on day 1 of the month, in January, in 2030 to 2033"),
        ("*/20 5 * * * ?", "every 20 seconds, in minute 5 of each hour"),
    ],
)
def test_quartz(text, words):
    assert told(parse_quartz(text)) == words
