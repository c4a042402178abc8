"""Answers StateService calls."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from rundblick.customers.v1 import state_pb2 as pb
from rundblick.customers.v1 import state_pb2_grpc

from chassis.caller import Caller, current_caller
from chassis.errors import Conflict, Forbidden
from chassis.idempotency import Writes
from chassis.mongo import Session
from chassis.outbox import Outbox
from chassis.page import encode_cursor, page_info, page_of, slice_of
from services.customers.batches import answers
from services.customers.customer.domain import CustomerNotFound
from services.customers.customer.repository import MongoCustomerRepository
from services.customers.facts.gathering import Gathering
from services.customers.facts.language import Language
from services.customers.standing.outgoing import changed
from services.customers.standing.sweeping import Sweep
from services.customers.state import messages
from services.customers.state.domain import RuleSet, State
from services.customers.state.judging import Rules, StateJudge
from services.customers.state.repository import MongoStateRepository
from services.customers.state.ruling import Ruling

# A dry run asks so many customers at once, and at most so many: of more it says how many it asked.
_AT_ONCE = 500
_MOST_TRIED = 20_000


class StateServicer(state_pb2_grpc.StateServiceServicer):
    def __init__(
        self,
        states: MongoStateRepository,
        customers: MongoCustomerRepository,
        gathering: Gathering,
        rules: Rules,
        judge: StateJudge,
        sweep: Sweep,
        language: Language,
        writes: Writes,
        outbox: Outbox,
        now: Callable[[], datetime],
    ) -> None:
        self._states = states
        self._customers = customers
        self._gathering = gathering
        self._rules = rules
        self._judge = judge
        self._sweep = sweep
        self._language = language
        self._writes = writes
        self._outbox = outbox
        self._now = now

    async def BatchGetStates(self, request: pb.BatchGetStatesRequest, context: Any) -> pb.BatchGetStatesResponse:
        caller = current_caller()
        present = await self._seen(caller, request.customer_ids)
        found = await self._states.of_customers(caller, present.values())
        missing = [id for id in dict.fromkeys(present.values()) if id not in found or not found[id].judged]
        if missing:
            now = self._now()
            found |= await self._judge.computed(await self._gathering.of(caller, missing, now), found, now)
        protos = {id: messages.to_proto(found[into], request.language) for id, into in present.items() if into in found}
        return pb.BatchGetStatesResponse(answers=answers(pb.StateAnswer, request.customer_ids, protos))

    async def BatchListStateChanges(
        self, request: pb.BatchListStateChangesRequest, context: Any
    ) -> pb.BatchListStateChangesResponse:
        caller = current_caller()
        page = page_of(request.page, [datetime, str])
        present = await self._seen(caller, request.customer_ids)
        parts = await self._states.histories(caller, list(present.values()), page)
        response = pb.BatchListStateChangesResponse()
        for id in request.customer_ids:
            part = parts[present[id]] if id in present else slice_of([], [], page)
            response.pages[id].CopyFrom(
                pb.StateChangePage(
                    edges=[
                        pb.StateChangeEdge(
                            cursor=encode_cursor(boundary), node=messages.change_to_proto(one, request.language)
                        )
                        for one, boundary in zip(part.items, part.boundaries, strict=True)
                    ],
                    page_info=page_info(part),
                )
            )
        return response

    async def OverrideState(self, request: pb.OverrideStateRequest, context: Any) -> pb.OverrideStateResponse:
        caller = current_caller()
        if caller.sources is not None:
            raise Forbidden("partners do not override states")
        now = self._now()
        override = (
            None if request.clear else messages.override_from_proto(request, caller.subject, caller.employee, now)
        )

        async def work(session: Session) -> pb.OverrideStateResponse:
            found = await self._customers.of_ids(caller, [request.customer_id], session)
            if request.customer_id not in found:
                raise CustomerNotFound(request.customer_id, ("customer_id",))
            id = found[request.customer_id].id
            state = (await self._states.of_customers(caller, [id], session)).get(id) or State(id, {})
            await self._states.save(caller, [replace(state, override=override)], session)
            await self._outbox.append(session, changed([id]))
            return pb.OverrideStateResponse(customer_id=id)

        response = await self._writes.run(caller, request, pb.OverrideStateResponse, work)
        self._outbox.wake()
        return response

    async def ListStateRules(self, request: pb.ListStateRulesRequest, context: Any) -> pb.ListStateRulesResponse:
        ruling = await self._rules.ruling()
        sets = await self._rules.sets()
        return pb.ListStateRulesResponse(
            sets=[messages.rules_to_proto(one, ruling.faults) for one in sets.values()],
            sweep=messages.progress_to_proto(await self._sweep.newest()),
        )

    async def DefineStateRules(self, request: pb.DefineStateRulesRequest, context: Any) -> pb.DefineStateRulesResponse:
        caller = current_caller()
        said = messages.rules_from_proto(request, 1)
        if request.dry_run:
            conditions = await self._language.conditions(rule.when for rule in said.rules)
            return await self._tried(caller, said, Ruling([said], conditions))

        async def work(session: Session) -> pb.DefineStateRulesResponse:
            # Read for its mistakes alone.
            Ruling([said], await self._language.rely_on((rule.when for rule in said.rules), session))
            known = (await self._rules.sets(session))[said.dimension]
            if request.HasField("version") and request.version != known.version:
                raise Conflict(
                    f"the rules are at version {known.version}, the change was made from {request.version}",
                    ("version",),
                )
            kept = replace(said, version=known.version + 1)
            await self._states.save_rules(caller, kept, session)
            await self._sweep.ask(said.dimension.value, session)
            return pb.DefineStateRulesResponse(set=messages.rules_to_proto(kept, {}))

        response = await self._writes.run(caller, request, pb.DefineStateRulesResponse, work)
        self._rules.forget()
        return response

    async def _tried(self, caller: Caller, said: RuleSet, ruling: Ruling) -> pb.DefineStateRulesResponse:
        """How many customers would change, against what holds now."""
        now = self._now()
        present = await self._rules.ruling()
        transitions: Counter[tuple[str, str]] = Counter()
        after, looked_at = "", 0
        while looked_at < _MOST_TRIED:
            ids = await self._customers.some(caller, after, _AT_ONCE)
            if not ids:
                break
            after = ids[-1]
            facts = await self._gathering.of(caller, ids, now)
            known = await self._states.of_customers(caller, facts)
            for id, one in facts.items():
                judged = known[id].judged.get(said.dimension) if id in known else None
                before = judged.value if judged is not None else present.rule(one)[said.dimension][0]
                value = ruling.rule(one)[said.dimension][0]
                if value != before:
                    transitions[before, value] += 1
            looked_at += len(ids)
        return pb.DefineStateRulesResponse(
            set=messages.rules_to_proto(said, ruling.faults),
            transitions=[
                pb.StateTransition(before=before, after=value, customers=count)
                for (before, value), count in sorted(transitions.items())
            ],
            looked_at=looked_at,
        )

    async def _seen(self, caller: Caller, ids: Sequence[str]) -> dict[str, str]:
        """The id asked for -> the present one, of those that the caller sees.

        Partners see no states: they follow from what all sources say, and would tell them of the others.
        """
        if caller.sources is not None:
            return {}
        seen = await self._customers.seen(caller, ids)
        leads = await self._customers.leads_to(caller, seen) if seen else {}
        return {id: leads.get(id, id) for id in ids if id in seen}
