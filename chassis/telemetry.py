"""OpenTelemetry in every process: one connected trace over HTTP, gRPC and MongoDB, when a collector is configured.

Statements and bodies are never recorded: they hold personal data.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from opentelemetry import metrics, propagate, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

log = logging.getLogger(__name__)

# (value, attributes)
Readings = Sequence[tuple[float, Mapping[str, str]]]

# A delivery tells of at most so many requests that it belongs to.
_MOST_LINKS = 64


def enabled() -> bool:
    return isinstance(trace.get_tracer_provider(), TracerProvider)


@contextmanager
def running_telemetry(
    process: str, otlp_endpoint: str | None, exporter: SpanExporter | None = None, reader: MetricReader | None = None
) -> Iterator[None]:
    """Export spans and gauges of this process until the block is left; nothing without an endpoint or exporter."""
    if exporter is None and otlp_endpoint is not None:
        # Imported here: a process that exports nothing does not pay for it.
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        insecure = not otlp_endpoint.startswith("https://")
        exporter = OTLPSpanExporter(endpoint=otlp_endpoint, insecure=insecure)
        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter(endpoint=otlp_endpoint, insecure=insecure), export_interval_millis=10_000
        )
    if exporter is None:
        yield
        return
    from opentelemetry.instrumentation.pymongo import PymongoInstrumentor  # noqa: PLC0415  # as above

    resource = Resource.create({"service.name": f"rundblick-{process}", "service.instance.id": str(uuid4())})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    trace.set_tracer_provider(provider)
    meters = MeterProvider([reader] if reader is not None else [], resource)
    metrics.set_meter_provider(meters)
    PymongoInstrumentor().instrument(tracer_provider=provider, capture_statement=False)
    try:
        yield
    finally:
        PymongoInstrumentor().uninstrument()
        meters.shutdown()
        provider.shutdown()


def server_interceptors() -> Sequence[Any]:
    if not enabled():
        return ()
    from opentelemetry.instrumentation.grpc import aio_server_interceptor  # noqa: PLC0415  # as above

    return (aio_server_interceptor(),)  # type: ignore[no-untyped-call]  # the library is untyped


def client_interceptors() -> Sequence[Any]:
    if not enabled():
        return ()
    from opentelemetry.instrumentation.grpc import aio_client_interceptors  # noqa: PLC0415  # as above

    return tuple(aio_client_interceptors())  # type: ignore[no-untyped-call]  # as above


def carrier() -> dict[str, str]:
    """The present trace as W3C headers, to be kept beside work that is done later; empty without telemetry."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


@contextmanager
def linked(name: str, carriers: Sequence[Mapping[str, str]]) -> Iterator[None]:
    """Do the work of the block in the first of the traces that `carrier` kept, with links to the others."""
    kept = list({tuple(sorted(headers.items())): headers for headers in carriers if headers}.values())
    if not enabled() or not kept:
        yield
        return
    contexts = [propagate.extract(headers) for headers in kept[:_MOST_LINKS]]
    links = [trace.Link(trace.get_current_span(context).get_span_context()) for context in contexts[1:]]
    tracer = trace.get_tracer("rundblick")
    with tracer.start_as_current_span(name, context=contexts[0], links=links, kind=trace.SpanKind.PRODUCER):
        yield


def gauge(name: str, unit: str, read: Callable[[], Readings]) -> None:
    """Show what `read` answers whenever gauges are exported; costs nothing without telemetry."""

    def observe(_: object) -> Iterator[metrics.Observation]:
        for value, attributes in read():
            yield metrics.Observation(value, dict(attributes))

    metrics.get_meter("rundblick").create_observable_gauge(name, [observe], unit)


def configure_logging(process: str, level: str) -> None:
    logging.basicConfig(
        level=level, format=f"%(asctime)s {process} %(levelname)s %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z"
    )
    # The driver logs each of its retries; one line of ours says what matters.
    logging.getLogger("pymongo").setLevel(logging.WARNING)


def traced_app(app: Any) -> Any:
    """The ASGI app with a span for each request; as it is without telemetry."""
    if not enabled():
        return app
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware  # noqa: PLC0415  # as above

    return OpenTelemetryMiddleware(app, exclude_spans=["receive", "send"])
