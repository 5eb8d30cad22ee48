"""The engine: every change of state goes through one of its verbs."""

from app.bus import Bus
from app.data.buckets import RowBuckets
from app.data.db import Store
from app.domain.clock import Clock
from app.engine.accounts import Accounts, Roles
from app.engine.attempts import Attempts
from app.engine.audience import Audience
from app.engine.audit import Audit
from app.engine.browse import Browse
from app.engine.changes import Changes
from app.engine.claims import Claims
from app.engine.concerns import Concerns
from app.engine.courses import Courses
from app.engine.decisions import Plugins
from app.engine.deliveries import Deliveries
from app.engine.doctor import Doctor
from app.engine.events import Events
from app.engine.failures import Failures
from app.engine.figures import Figures
from app.engine.groups import Groups
from app.engine.idle import Idle
from app.engine.jobs import Jobs
from app.engine.keys import Keys
from app.engine.leadership import Leadership
from app.engine.limits import Buckets, Limits
from app.engine.listing import Listing
from app.engine.logs import Logs
from app.engine.managers import Managers
from app.engine.passwords import Passwords
from app.engine.pauses import Pauses
from app.engine.prune import Prune, Retention
from app.engine.queues import Queues
from app.engine.rates import Rates
from app.engine.reports import Reports
from app.engine.rescue import Due, Rescue
from app.engine.schedules import Schedules
from app.engine.services import Services
from app.engine.steering import Steering
from app.engine.subjobs import SubJobs
from app.engine.tasks import Tasks
from app.engine.tokens import Tokens
from app.engine.transaction import Transactions
from app.engine.waiting import Waiting
from app.engine.workers import Workers


class Engine:
    """The table of verb groups, each knowing only what it needs of the others.

    transaction: opens a block in which several verbs hold together. buckets: where rates are
    counted, rows unless given.
    """

    def __init__(
        self,
        store: Store,
        log_store: Store,
        bus: Bus,
        *,
        clock: Clock,
        plugins: Plugins,
        retention: Retention | None = None,
        buckets: Buckets | None = None,
    ) -> None:
        self.store = store
        self.log_store = log_store
        self.bus = bus
        self.clock = clock
        self.plugins = plugins
        self.transaction = Transactions(store, bus, clock)
        courses = Courses(store, plugins, clock)
        self.jobs = Jobs(self.transaction, courses, plugins, log_store)
        self.subjobs = SubJobs(self.transaction, courses, self.jobs)
        self.pauses = Pauses(self.transaction, self.jobs)
        self.idle = Idle(self.transaction, self.jobs)
        self.tasks = Tasks(self.transaction, courses)
        self.steering = Steering(self.transaction)
        self.changes = Changes(self.transaction, courses)
        self.claims = Claims(self.transaction)
        self.attempts = Attempts(self.transaction, courses)
        self.reports = Reports(self.transaction, self.attempts)
        self.services = Services(self.transaction, plugins)
        self.workers = Workers(self.transaction, self.attempts.lose)
        self.groups = Groups(self.transaction)
        self.failures = Failures(self.transaction)
        self.queues = Queues(self.transaction, self.tasks.drop)
        self.waiting = Waiting(self.transaction, self.jobs.start, self.jobs.cancel)
        self.schedules = Schedules(self.transaction, self.jobs)
        self.logs = Logs(log_store, bus, clock)
        self.events = Events(self.transaction)
        self.deliveries = Deliveries(self.transaction)
        self.leadership = Leadership(self.transaction)
        self.rescue = Rescue(self.transaction, self.attempts.lose)
        self.due = Due(self.transaction)
        self.listing = Listing(self.transaction)
        self.figures = Figures(self.transaction)
        self.concerns = Concerns(self.transaction)
        self.doctor = Doctor(self.transaction)
        passwords = Passwords()
        self.accounts = Accounts(self.transaction, passwords)
        self.managers = Managers(self.transaction, passwords)
        self.rates = Rates(self.transaction)
        self.tokens = Tokens(self.transaction)
        self.roles = Roles(self.transaction)
        self.audience = Audience(store)
        self.browse = Browse(store)
        self.audit = Audit(self.transaction)
        self.keys = Keys(self.transaction)
        self.limits = Limits(buckets or RowBuckets(store), clock)
        self.prune = Prune(self.transaction, self.jobs, self.logs, retention or Retention())
