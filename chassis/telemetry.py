"""OpenTelemetry in every process: one connected trace over HTTP, gRPC and MongoDB, when a collector is configured.

Statements and bodies are never recorded: they hold personal data.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import propagate, trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

log = logging.getLogger(__name__)


def enabled() -> bool:
    return isinstance(trace.get_tracer_provider(), TracerProvider)


@contextmanager
def running_telemetry(process: str, otlp_endpoint: str | None, exporter: SpanExporter | None = None) -> Iterator[None]:
    """Export spans of this process until the block is left; nothing happens without an endpoint or exporter."""
    if exporter is None and otlp_endpoint is not None:
        # Imported here: a process that exports nothing does not pay for it.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

        exporter = OTLPSpanExporter(endpoint=otlp_endpoint, insecure=not otlp_endpoint.startswith("https://"))
    if exporter is None:
        yield
        return
    from opentelemetry.instrumentation.pymongo import PymongoInstrumentor  # noqa: PLC0415  # as above

    provider = TracerProvider(resource=Resource.create({"service.name": f"rundblick-{process}"}))
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    trace.set_tracer_provider(provider)
    PymongoInstrumentor().instrument(tracer_provider=provider, capture_statement=False)
    try:
        yield
    finally:
        PymongoInstrumentor().uninstrument()
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
def continued(headers: dict[str, str]) -> Iterator[None]:
    """Do the work of the block in the trace that `carrier` kept."""
    token = otel_context.attach(propagate.extract(headers))
    try:
        yield
    finally:
        otel_context.detach(token)


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
