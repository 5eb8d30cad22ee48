"""The hooks of Jobyard, all on one page.

Called by `app.hooks.manager`, which checks and wraps every call; nothing else calls pluggy.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pluggy

from app.domain.events import Event
from app.hooks.interface import JobInterface

GROUP = "jobyard"
hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def job_interfaces(settings: Mapping[str, Any]) -> Sequence[JobInterface] | None:
    """Give the job types of this plugin.

    settings: the table `plugins.settings.<name of the plugin>` of the configuration file as it is,
    empty where there is none; an implementation that needs none leaves the argument out.
    Called once in every process, when it starts. An exception, a wrong type or a name that is
    taken skips the plugin as a whole, with a log line and an entry in `/health`. None means none.
    """
    del settings
    return None


@hookspec
def event_published(event: Event) -> None:
    """Learn of one event.

    Called in the leading ticker only, in commit order, after the transaction that caused it, and
    again after a crash: at least once. An exception is logged and the next event follows.
    """


@hookspec
def health_checks() -> Sequence[tuple[str, bool, str]] | None:
    """Tell how this plugin is: (name, well, text) for each thing it watches.

    Called for `/health` and `jobyard check`, at most once in 10 s in a process, bounded to 2 s.
    A check that is not well is shown; it never makes `/health` answer 503.
    """
    return None
