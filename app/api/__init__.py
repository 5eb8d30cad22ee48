"""The REST dialects. Adding one is its folder, and its name in this tuple."""

from app.api.flamenco import DIALECT as FLAMENCO
from app.api.http.dialect import Dialect
from app.api.jobyard import DIALECT as JOBYARD
from app.api.manticore import DIALECT as MANTICORE
from app.api.mantis import DIALECT as MANTIS
from app.api.system import DIALECT as SYSTEM
from app.api.task_tracker import DIALECT as TASK_TRACKER
from app.api.tork import DIALECT as TORK

DIALECTS: tuple[Dialect, ...] = (
    TORK,
    TASK_TRACKER,
    MANTICORE,
    MANTIS,
    FLAMENCO,
    JOBYARD,
    SYSTEM,
)
"""In the order they are mounted; `system` comes last, since it fills what they leave open."""
