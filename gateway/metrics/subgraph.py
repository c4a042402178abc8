"""All of the metrics subgraph: what the merged schema and its own take from it."""

from strawberry.tools import merge_types

from gateway.metrics.client import SERVICE, Metrics, MetricsStubs
from gateway.metrics.defining import DefiningMutation
from gateway.metrics.event import EventMutation, EventQuery
from gateway.metrics.kpi import Customer, Employee, Kpi, KpiQuery, Touchpoint, load_kpi

QUERIES = (KpiQuery, EventQuery)
MUTATIONS = (DefiningMutation, EventMutation)
ENTITIES = (Customer, Employee, Kpi, Touchpoint)
NODES = {"kpi": (Kpi, load_kpi)}

Query = merge_types("Query", QUERIES)
Mutation = merge_types("Mutation", MUTATIONS)

__all__ = ["ENTITIES", "MUTATIONS", "NODES", "QUERIES", "SERVICE", "Metrics", "MetricsStubs", "Mutation", "Query"]
