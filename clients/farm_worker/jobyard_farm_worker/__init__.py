"""A worker for the render farm of a Jobyard server; it needs Python and nothing else.

`Worker` is the whole loop. Its parts can be used by themselves: `Manager` speaks to the server,
`archives` unpacks and packs zips, `processes` starts programs and ends them with all they began.
"""

from .manager import Answer, Gone, Manager
from .options import Options
from .processes import Program, start
from .seat import Taken
from .worker import Worker

__all__ = ["Answer", "Gone", "Manager", "Options", "Program", "Taken", "Worker", "start"]

__version__ = "0.1.0"
