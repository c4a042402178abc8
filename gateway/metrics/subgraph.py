"""All of the metrics subgraph: what the merged schema and its own take from it."""

from strawberry.tools import merge_types

from gateway.metrics.client import SERVICE, Metrics, MetricsStubs
from gateway.metrics.kpi import Customer, Kpi, KpiQuery, Touchpoint, load_kpi

QUERIES = (KpiQuery,)
ENTITIES = (Customer, Kpi, Touchpoint)
NODES = {"kpi": (Kpi, load_kpi)}

Query = merge_types("Query", QUERIES)

__all__ = ["ENTITIES", "NODES", "QUERIES", "SERVICE", "Metrics", "MetricsStubs", "Query"]
