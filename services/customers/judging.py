"""How customers are judged, put together: their facts, their states, and whoever else judges them by facts."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import grpc
from rundblick.customers.v1 import state_pb2_grpc

from chassis.idempotency import Writes
from chassis.mongo import Database
from chassis.outbox import Outbox
from services.customers.attribute.repository import MongoAttributeRepository
from services.customers.consent.permissions import Permissions
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.facts.gathering import Gathering
from services.customers.facts.language import Language
from services.customers.job.repository import MongoJobRepository
from services.customers.standing.judging import Judge, Standing
from services.customers.standing.sweeping import Sweep
from services.customers.state.checking import StateCheck
from services.customers.state.judging import Rules, StateJudge
from services.customers.state.repository import MongoStateRepository
from services.customers.state.servicer import StateServicer


class Judging:
    def __init__(
        self,
        database: Database,
        customers: MongoCustomerRepository,
        permissions: Permissions,
        attributes: MongoAttributeRepository,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._customers = customers
        self._writes = writes
        self._outbox = outbox
        self._now = now
        self.language = Language(attributes)
        self.gathering = Gathering(database, permissions)
        self.states = MongoStateRepository(database)
        self._rules = Rules(self.states, self.language)
        self._judge = StateJudge(self.states, self._rules, outbox)
        self.check = StateCheck(customers, self.gathering, self.states, self._rules, now)

    def standing(self, others: Sequence[Judge]) -> Standing:
        """With the judges of other nouns beside that of states."""
        judges = (self._judge, *others)
        return Standing(self._database, self._customers, self.gathering, self._outbox, judges, self._now)

    def sweep(self, standing: Standing, jobs: MongoJobRepository, every: timedelta) -> Sweep:
        return Sweep(self._database, self._customers, jobs, standing, every, self._now, self.states.expired)

    def register(self, server: grpc.aio.Server, sweep: Sweep) -> None:
        state_pb2_grpc.add_StateServiceServicer_to_server(
            StateServicer(
                self.states,
                self._customers,
                self.gathering,
                self._rules,
                self._judge,
                sweep,
                self.language,
                self._writes,
                self._outbox,
                self._now,
            ),
            server,
        )
