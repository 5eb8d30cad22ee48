"""Who may get tasks of a project, submit to it and read it: one table."""

from collections.abc import Iterable, Mapping
from enum import Enum, Flag, auto

from app.api.task_tracker.records import Project, Rights


class Act(Flag):
    """What one may do with a project."""

    NOTHING = 0
    GET = auto()
    SUBMIT = auto()
    READ = auto()


class Seen(Enum):
    """How a project is shown."""

    PUBLIC = auto()
    PRIVATE = auto()
    HIDDEN = auto()


class Holds(Enum):
    """What a caller has: an approved access of a worker, or a manager's role."""

    NOTHING = auto()
    ASSIGN = auto()
    SUBMIT = auto()
    ROLE_READ = auto()


_NONE, _GET, _SUBMIT, _READ = Act.NOTHING, Act.GET, Act.SUBMIT, Act.READ
TABLE: Mapping[Holds, Mapping[Seen, Act]] = {
    Holds.NOTHING: {Seen.PUBLIC: _GET | _READ, Seen.PRIVATE: _READ, Seen.HIDDEN: _NONE},
    Holds.ASSIGN: {Seen.PUBLIC: _GET | _READ, Seen.PRIVATE: _GET | _READ, Seen.HIDDEN: _GET},
    Holds.SUBMIT: {
        Seen.PUBLIC: _GET | _SUBMIT | _READ,
        Seen.PRIVATE: _GET | _SUBMIT | _READ,
        Seen.HIDDEN: _GET | _SUBMIT,
    },
    Holds.ROLE_READ: {Seen.PUBLIC: _READ, Seen.PRIVATE: _READ, Seen.HIDDEN: _READ},
}


def seen(project: Project) -> Seen:
    """Tell how a project is shown."""
    if project.hidden:
        return Seen.HIDDEN
    return Seen.PUBLIC if project.public else Seen.PRIVATE


def allowed(project: Project, holds: Iterable[Holds] = ()) -> Act:
    """Give all that a caller may do who has these, and who always has nothing as well."""
    shown = seen(project)
    acts = TABLE[Holds.NOTHING][shown]
    for each in holds:
        acts |= TABLE[each][shown]
    return acts


def held(rights: Rights) -> list[Holds]:
    """Give what a worker has by its approved request."""
    pairs = ((rights.assign, Holds.ASSIGN), (rights.submit, Holds.SUBMIT))
    return [word for has, word in pairs if has]
