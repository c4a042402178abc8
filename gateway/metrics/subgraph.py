"""All of the metrics subgraph: what the merged schema and its own take from it."""

from strawberry.tools import merge_types

from gateway.metrics.alert import AlertQuery, KpiAlert, load_alert
from gateway.metrics.campaign import Campaign
from gateway.metrics.change import Change, ChangeMutation, ChangeQuery, load_change
from gateway.metrics.client import SERVICE, Metrics, MetricsStubs
from gateway.metrics.defining import DefiningMutation
from gateway.metrics.event import EventMutation, EventQuery
from gateway.metrics.kpi import Customer, Employee, Kpi, KpiQuery, KpiSubscription, Touchpoint, load_kpi
from gateway.metrics.measure import Measure
from gateway.metrics.offer import Offer
from gateway.metrics.plan import PlanQuery
from gateway.metrics.segment import Segment
from gateway.metrics.survey import Survey
from gateway.metrics.topic import Topic

QUERIES = (KpiQuery, EventQuery, ChangeQuery, AlertQuery, PlanQuery)
MUTATIONS = (DefiningMutation, EventMutation, ChangeMutation)
SUBSCRIPTIONS = (KpiSubscription,)
ENTITIES = (Campaign, Change, Customer, Employee, Kpi, KpiAlert, Measure, Offer, Segment, Survey, Topic, Touchpoint)
NODES = {"kpi": (Kpi, load_kpi), "chg": (Change, load_change), "alt": (KpiAlert, load_alert)}

Query = merge_types("Query", QUERIES)
Mutation = merge_types("Mutation", MUTATIONS)
Subscription = merge_types("Subscription", SUBSCRIPTIONS)

__all__ = [
    "ENTITIES",
    "MUTATIONS",
    "NODES",
    "QUERIES",
    "SERVICE",
    "SUBSCRIPTIONS",
    "Metrics",
    "MetricsStubs",
    "Mutation",
    "Query",
    "Subscription",
]
