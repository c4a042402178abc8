"""Answers AlertService calls."""

from typing import Any

from rundblick.metrics.v1 import alert_pb2 as pb
from rundblick.metrics.v1 import alert_pb2_grpc

from chassis.batches import item_error
from chassis.caller import Caller, current_caller
from chassis.errors import InvalidInput
from chassis.page import encode_cursor, page_info, page_of
from services.metrics.alert import messages
from services.metrics.alert.domain import AlertNotFound, check_company
from services.metrics.alert.repository import MongoAlertRepository

LARGEST_BATCH = 500


class AlertServicer(alert_pb2_grpc.AlertServiceServicer):
    def __init__(self, alerts: MongoAlertRepository) -> None:
        self._alerts = alerts

    async def BatchGetAlerts(self, request: pb.BatchGetAlertsRequest, context: Any) -> pb.BatchGetAlertsResponse:
        caller = _of_the_company()
        if len(request.ids) > LARGEST_BATCH:
            raise InvalidInput(f"a call has at most {LARGEST_BATCH} ids", ("ids",))
        found = await self._alerts.of_ids(caller, request.ids)
        response = pb.BatchGetAlertsResponse()
        for id in request.ids:
            if id in found:
                response.answers[id].value.CopyFrom(messages.to_proto(found[id]))
            else:
                response.answers[id].error.CopyFrom(item_error(AlertNotFound(id).fault))
        return response

    async def BatchGetOpenAlerts(
        self, request: pb.BatchGetOpenAlertsRequest, context: Any
    ) -> pb.BatchGetOpenAlertsResponse:
        if len(request.kpi_keys) > LARGEST_BATCH:
            raise InvalidInput(f"a call has at most {LARGEST_BATCH} keys", ("kpi_keys",))
        found = await self._alerts.open_of(current_caller(), request.kpi_keys)
        response = pb.BatchGetOpenAlertsResponse()
        for key in request.kpi_keys:
            alerts = pb.AlertList(alerts=map(messages.to_proto, found.get(key, ())))
            response.answers[key].value.CopyFrom(alerts)
        return response

    async def ListAlerts(self, request: pb.ListAlertsRequest, context: Any) -> pb.ListAlertsResponse:
        caller = _of_the_company()
        wanted = messages.wanted_from_proto(request.filter)
        part = await self._alerts.page(caller, page_of(request.page, [int]), wanted)
        edges = [
            pb.AlertEdge(cursor=encode_cursor(boundary), node=messages.to_proto(alert))
            for alert, boundary in zip(part.items, part.boundaries, strict=True)
        ]
        return pb.ListAlertsResponse(edges=edges, page_info=page_info(part))


def _of_the_company() -> Caller:
    caller = current_caller()
    check_company(caller)
    return caller
