"""When a cron expression fires: five-field crontab, `@` words, and Quartz.

Pure rules over times that are passed in; nothing here reads a clock. Everything a text can get
wrong is found when it is parsed, so a `Cron` that exists fires at least once in some year.
"""

from app.domain.cron.parse import parse_crontab, parse_quartz
from app.domain.cron.schedule import Cron, CronForm
from app.domain.cron.terms import CronInvalid

__all__ = ["Cron", "CronForm", "CronInvalid", "parse_crontab", "parse_quartz"]
