"""All of the stubs subgraph: what the merged schema and its own take from it."""

from strawberry.tools import merge_types

from gateway.node.jobs import JobQuery
from gateway.node.node import STUBS, NodeQuery

SERVICE = "node"
QUERIES = (NodeQuery, JobQuery)
ENTITIES = tuple(STUBS.values())

Query = merge_types("Query", QUERIES)

__all__ = ["ENTITIES", "QUERIES", "SERVICE", "Query"]
