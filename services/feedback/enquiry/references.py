"""Asks the customers service who and where the keys of a request mean."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from rundblick.customers.v1 import (
    customer_pb2,
    customer_pb2_grpc,
    employee_pb2,
    employee_pb2_grpc,
    interaction_pb2,
    interaction_pb2_grpc,
    reference_pb2,
    reference_pb2_grpc,
)
from rundblick.customers.v1 import touchpoint_pb2 as touchpoint_pb

from chassis.batches import fault_of
from chassis.caller import Caller
from chassis.calls import call
from chassis.errors import Fault, InvalidInput

OWN_SOURCE = "rundblick"

_PREFIX = "CHANNEL_"
_BATCH = 1000
_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    touchpoint: str
    channel: str


@dataclass(frozen=True, slots=True)
class CodePlace:
    """Where a code hangs, and for which campaign."""

    place: Place
    campaign: str | None


@dataclass(frozen=True, slots=True)
class Person:
    """locale: where it is known, and was asked for by the customer's id."""

    customer: str
    source_record: str
    locale: str | None = None


@dataclass
class References:
    """What was found, by the key asked for; faults by ("touchpoint", key) and the like.

    left_out: what was not taken of customers that were found.
    """

    customers: dict[str, Person] = field(default_factory=dict)
    customers_by_id: dict[str, Person] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)
    codes: dict[str, CodePlace] = field(default_factory=dict)
    faults: dict[tuple[str, str], Fault] = field(default_factory=dict)
    left_out: dict[str, list[Fault]] = field(default_factory=dict)

    def fault(self, kind: str, key: str) -> Fault:
        return self.faults.get((kind, key)) or Fault("INVALID", f"there is no {kind} {key}", (kind,))

    def require_all(self) -> None:
        """InvalidInput: the first that was not found."""
        for kind, key in self.faults:
            raise InvalidInput(self.fault(kind, key).message, (kind,))


class CustomersClient:
    """Asks on this process's own account, whoever calls it: that they may is decided here."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._references = reference_pb2_grpc.ReferenceServiceStub(channel)
        self._employees = employee_pb2_grpc.EmployeeServiceStub(channel)
        self._customers = customer_pb2_grpc.CustomerServiceStub(channel)
        self._interactions = interaction_pb2_grpc.InteractionServiceStub(channel)

    async def resolve(
        self,
        caller: Caller,
        source: str,
        *,
        customers: Iterable[reference_pb2.CustomerReference] = (),
        touchpoints: Iterable[reference_pb2.TouchpointReference] = (),
        teams: Iterable[reference_pb2.TeamReference] = (),
        customer_ids: Iterable[str] = (),
        codes: Iterable[str] = (),
        timeout: float = 5.0,
    ) -> References:
        """One call; for a partner within the limits of its sources. SERVICE_UNAVAILABLE: customers does not answer."""
        limit = None if caller.sources is None else reference_pb2.SourceLimit(sources=sorted(caller.sources))
        request = reference_pb2.ResolveReferencesRequest(
            source=source,
            customers=customers,
            touchpoints=touchpoints,
            teams=teams,
            customer_ids=customer_ids,
            codes=codes,
            limit=limit,
        )
        answer: reference_pb2.ResolveReferencesResponse = await call(
            self._references.ResolveReferences, request, timeout=timeout
        )
        return _found(answer)

    async def require_employee(self, caller: Caller, id: str, path: tuple[str, ...], *, timeout: float = 5.0) -> None:
        """InvalidInput: there is no such employee; partners know none."""
        request = employee_pb2.BatchGetEmployeesRequest(ids=[id])
        known = caller.sources is None and (
            (await call(self._employees.BatchGetEmployees, request, timeout=timeout)).answers[id].HasField("value")
        )
        if not known:
            raise InvalidInput(f"there is no employee {id}", path)

    async def aliases(self, ids: Iterable[str]) -> dict[str, str]:
        """Whose source records and golden ids are today; those that are not known are left out."""
        request = customer_pb2.BatchGetAliasesRequest(ids=list(ids))
        answer = await call(self._customers.BatchGetAliases, request, timeout=_TIMEOUT)
        return {id: one.value.customer_id for id, one in answer.answers.items() if one.HasField("value")}

    async def interactions(self, ids: Sequence[str]) -> dict[str, interaction_pb2.Interaction]:
        """Those that customers knows."""
        found: dict[str, interaction_pb2.Interaction] = {}
        for start in range(0, len(ids), _BATCH):
            request = interaction_pb2.BatchGetInteractionsRequest(ids=ids[start : start + _BATCH])
            answer = await call(self._interactions.BatchGetInteractions, request, timeout=_TIMEOUT)
            found |= {id: one.value for id, one in answer.answers.items() if one.HasField("value")}
        return found


def lookup(external_id: str) -> reference_pb2.CustomerReference:
    return reference_pb2.CustomerReference(external_id=external_id)


def _found(answer: reference_pb2.ResolveReferencesResponse) -> References:
    found = References()
    for key, customer in _good(answer.customers, "customer", found):
        found.customers[key] = Person(customer.customer_id, customer.source_record_id)
        found.left_out[key] = [fault_of(error) for error in customer.left_out]
    for key, customer in _good(answer.customers_by_id, "customer", found):
        found.customers_by_id[key] = Person(customer.customer_id, customer.source_record_id, customer.locale or None)
    for key, touchpoint in _good(answer.touchpoints, "touchpoint", found):
        found.places[key] = _place(touchpoint)
    for key, code in _good(answer.codes, "code", found):
        campaign = code.campaign_id if code.HasField("campaign_id") else None
        found.codes[key] = CodePlace(_place(code.touchpoint), campaign)
    for key, team in answer.teams.items():
        if team.HasField("team_id"):
            found.teams[key] = team.team_id
        else:
            found.faults["team", key] = fault_of(team.error)
    return found


def _good(answers: Mapping[str, Any], kind: str, found: References) -> Iterator[tuple[str, Any]]:
    """What was found, by the key asked for; the others are faults."""
    for key, answer in answers.items():
        if answer.HasField("value"):
            yield key, answer.value
        else:
            found.faults[kind, key] = fault_of(answer.error)


def _place(touchpoint: touchpoint_pb.Touchpoint) -> Place:
    return Place(touchpoint.id, touchpoint_pb.Channel.Name(touchpoint.channel).removeprefix(_PREFIX))


FILES = (reference_pb2.DESCRIPTOR, employee_pb2.DESCRIPTOR, customer_pb2.DESCRIPTOR)
