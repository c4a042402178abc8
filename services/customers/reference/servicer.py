"""Answers ReferenceService calls."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rundblick.customers.v1 import reference_pb2 as pb
from rundblick.customers.v1 import reference_pb2_grpc

from chassis.batches import item_error
from chassis.caller import Caller, current_caller
from chassis.errors import DomainError, Fault, InvalidInput
from chassis.ids import new_id
from chassis.mongo import require_source
from services.customers.batches import LARGEST_BATCH
from services.customers.code.domain import Code, CodeNotFound, read_code
from services.customers.code.repository import MongoCodeRepository
from services.customers.customer.domain import Form
from services.customers.customer.forms import Forms
from services.customers.reference.messages import customer_key
from services.customers.reference.resolver import Asked, Found, Resolved, Resolver, unknown
from services.customers.touchpoint import messages as touchpoints
from services.customers.touchpoint.domain import Touchpoint
from services.customers.touchpoint.repository import MongoTouchpointRepository


class ReferenceServicer(reference_pb2_grpc.ReferenceServiceServicer):
    def __init__(
        self, resolver: Resolver, forms: Forms, codes: MongoCodeRepository, touchpoints: MongoTouchpointRepository
    ) -> None:
        self._resolver = resolver
        self._forms = forms
        self._codes = codes
        self._touchpoints = touchpoints

    async def ResolveReferences(
        self, request: pb.ResolveReferencesRequest, context: Any
    ) -> pb.ResolveReferencesResponse:
        caller = _limited(current_caller(), request)
        require_source(caller, request.source)
        if len(request.customers) > LARGEST_BATCH or len(request.customer_ids) > LARGEST_BATCH:
            raise InvalidInput(f"a call has at most {LARGEST_BATCH} customers", ("customers",))
        if len(request.codes) > LARGEST_BATCH:
            raise InvalidInput(f"a call has at most {LARGEST_BATCH} codes", ("codes",))
        form = await self._forms.of(caller, (customer.fields for customer in request.customers))
        asked, faults = _asked(request, form)
        if caller.sources is not None:
            asked.touchpoints = dict.fromkeys(asked.touchpoints)
            asked.teams = dict.fromkeys(asked.teams)
        found = await self._resolver.resolve(caller, asked)
        response = _response(request, found, {**found.faults, **faults})
        await self._read_codes(caller, request, response)
        return response

    async def _read_codes(
        self, caller: Caller, request: pb.ResolveReferencesRequest, response: pb.ResolveReferencesResponse
    ) -> None:
        if not request.codes:
            return
        codes = await self._codes.of_codes(caller, map(read_code, request.codes))
        places = await self._touchpoints.of_ids(caller, {code.touchpoint for code in codes.values()})
        for asked in request.codes:
            response.codes[asked].CopyFrom(_code(asked, codes.get(read_code(asked)), places))


def _code(asked: str, code: Code | None, places: Mapping[str, Touchpoint]) -> pb.CodeAnswerByCode:
    if code is None:
        return pb.CodeAnswerByCode(error=item_error(CodeNotFound(asked).fault))
    touchpoint = touchpoints.to_proto(places[code.touchpoint])
    return pb.CodeAnswerByCode(value=pb.CodeResolution(touchpoint=touchpoint, campaign_id=code.campaign))


def _limited(caller: Caller, request: pb.ResolveReferencesRequest) -> Caller:
    """The caller, or the partner for whom another process asks."""
    if not request.HasField("limit"):
        return caller
    limit = frozenset(request.limit.sources)
    return replace(caller, sources=limit if caller.sources is None else caller.sources & limit)


def _asked(request: pb.ResolveReferencesRequest, form: Form) -> tuple[Asked, dict[tuple[str, str], Fault]]:
    """What was asked; what is wrong with some of it."""
    asked = Asked(request.source or "rundblick", customer_ids=list(dict.fromkeys(request.customer_ids)))
    faults: dict[tuple[str, str], Fault] = {}
    for customer in request.customers:
        try:
            asked.customers[customer.external_id] = customer_key(customer, form)
        except DomainError as error:
            faults["customers", customer.external_id] = error.fault
    for touchpoint in request.touchpoints:
        try:
            asked.touchpoints[touchpoint.key] = _touchpoint(touchpoint)
        except DomainError as error:
            faults["touchpoints", touchpoint.key] = error.fault
    for team in request.teams:
        if not team.key:
            faults["teams", team.key] = InvalidInput("the key of a team is missing", ("key",)).fault
            continue
        asked.teams[team.key] = team.create_name if team.HasField("create_name") else None
    return asked, faults


def _touchpoint(reference: pb.TouchpointReference) -> Touchpoint | None:
    if not reference.HasField("create"):
        return None
    new = reference.create
    return Touchpoint(
        id=new_id("tou"),
        key=reference.key,
        name=new.name or reference.key,
        channel=touchpoints.kind_from_proto(touchpoints.CHANNEL_FROM_PROTO, new.channel, "channel"),
        nature=touchpoints.kind_from_proto(touchpoints.NATURE_FROM_PROTO, new.nature, "nature"),
        control=touchpoints.kind_from_proto(touchpoints.CONTROL_FROM_PROTO, new.control, "control"),
    )


def _response(
    request: pb.ResolveReferencesRequest, found: Found, faults: dict[tuple[str, str], Fault]
) -> pb.ResolveReferencesResponse:
    def fault(kind: str, key: str, what: str, path: str) -> Any:
        return item_error(faults.get((kind, key)) or unknown(what, key, path))

    return pb.ResolveReferencesResponse(
        customers={
            c.external_id: _resolution(found.customers[c.external_id])
            if c.external_id in found.customers
            else pb.CustomerResolutionAnswer(error=fault("customers", c.external_id, "customer", "customer"))
            for c in request.customers
        },
        touchpoints={
            t.key: pb.TouchpointAnswerByKey(value=touchpoints.to_proto(found.touchpoints[t.key]))
            if t.key in found.touchpoints
            else pb.TouchpointAnswerByKey(error=fault("touchpoints", t.key, "touchpoint", "touchpoint"))
            for t in request.touchpoints
        },
        teams={
            t.key: pb.TeamResolution(team_id=found.teams[t.key])
            if t.key in found.teams
            else pb.TeamResolution(error=fault("teams", t.key, "team", "team"))
            for t in request.teams
        },
        customers_by_id={
            id: _resolution(found.by_id[id])
            if id in found.by_id
            else pb.CustomerResolutionAnswer(error=fault("ids", id, "customer", "customer"))
            for id in request.customer_ids
        },
    )


def _resolution(resolved: Resolved) -> pb.CustomerResolutionAnswer:
    return pb.CustomerResolutionAnswer(
        value=pb.CustomerResolution(
            customer_id=resolved.customer,
            source_record_id=resolved.record,
            created=resolved.created,
            left_out=map(item_error, resolved.left_out),
            locale=resolved.locale,
        )
    )
