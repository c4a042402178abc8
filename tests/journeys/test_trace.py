"""One request is one connected trace over gateway, gRPC and MongoDB, sent to a real OTLP receiver."""

import threading
import time
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2

from cli.system import running_system
from tests.journeys.conftest import Graph


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps what is sent, by the process that sent it."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, trace_pb2.Span]] = []
        self._lock = threading.Lock()

    def Export(
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: Any
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        with self._lock:
            for resource in request.resource_spans:
                names = {attribute.key: attribute.value.string_value for attribute in resource.resource.attributes}
                for scope in resource.scope_spans:
                    self.spans.extend((names["service.name"], span) for span in scope.spans)
        return trace_service_pb2.ExportTraceServiceResponse()


def connected_trace(collector: Collector, trace_id: bytes) -> dict[str, list[trace_pb2.Span]]:
    by_process: dict[str, list[trace_pb2.Span]] = {}
    for process, span in list(collector.spans):
        if span.trace_id == trace_id:
            by_process.setdefault(process, []).append(span)
    return by_process


def test_a_request_is_one_connected_trace(tmp_path: Path) -> None:
    collector = Collector()
    server = grpc.server(futures.ThreadPoolExecutor(4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    trace_id = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    try:
        with running_system(tmp_path / "data", env={"RUNDBLICK_OTLP_ENDPOINT": f"127.0.0.1:{port}"}) as system:
            graph = Graph(system.endpoint)
            query = "{ touchpoints(first: 1) { edges { node { id } } } enquiries(first: 1) { edges { node { id } } } }"
            assert "errors" not in graph.answer(query, headers={"traceparent": parent})
            wanted = {"rundblick-gateway", "rundblick-customers", "rundblick-feedback"}
            end = time.monotonic() + 30
            while not wanted <= set(connected_trace(collector, trace_id)):
                assert time.monotonic() < end, set(connected_trace(collector, trace_id))
                time.sleep(0.1)
        spans = connected_trace(collector, trace_id)
    finally:
        server.stop(None)
    every = {span.span_id: (process, span) for process, found in spans.items() for span in found}
    for process, span in every.values():
        if span.parent_span_id != bytes.fromhex("b7ad6b7169203331"):
            assert span.parent_span_id in every, f"{process}: {span.name} hangs in the air"
    for process in ("rundblick-customers", "rundblick-feedback"):
        kinds = {span.kind for span in spans[process]}
        assert trace_pb2.Span.SPAN_KIND_SERVER in kinds, process
        database = [s for s in spans[process] if any(a.key.startswith("db.") for a in s.attributes)]
        assert database, process
        for span in database:
            statement = next((a.value.string_value for a in span.attributes if a.key == "db.statement"), "")
            assert "$" not in statement, "statements hold personal data and are not recorded"
    remote = [s for s in spans["rundblick-gateway"] if s.kind == trace_pb2.Span.SPAN_KIND_CLIENT]
    servers = [
        s
        for p in ("rundblick-customers", "rundblick-feedback")
        for s in spans[p]
        if s.kind == trace_pb2.Span.SPAN_KIND_SERVER
    ]
    assert {s.parent_span_id for s in servers} <= {s.span_id for s in remote}
