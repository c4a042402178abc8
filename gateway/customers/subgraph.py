"""All of the customers subgraph: what the merged schema and its own take from it."""

from strawberry.tools import merge_types

from gateway.customers.attribute import AttributeMutation, AttributeQuery
from gateway.customers.campaign import Campaign, CampaignMutation, CampaignQuery, load_campaign
from gateway.customers.candidate import CandidateMutation, CandidateQuery, DuplicateCandidate, load_candidate
from gateway.customers.changes import CustomerMutation
from gateway.customers.client import SERVICE, Customers, CustomersStubs
from gateway.customers.code import CodeMutation, CodeQuery
from gateway.customers.customer import Customer, CustomerQuery, load_customer
from gateway.customers.delivery import Delivery, DeliveryMutation, load_delivery
from gateway.customers.employee import Employee, EmployeeMutation, EmployeeQuery, load_employee
from gateway.customers.interaction import Enquiry, Feedback, Interaction, load_interaction
from gateway.customers.judging import StateMutation, StateQuery
from gateway.customers.matching import MatchingMutation, MatchingQuery
from gateway.customers.merging import MergingMutation
from gateway.customers.offer import Offer, OfferQuery, load_offer
from gateway.customers.offering import OfferMutation
from gateway.customers.opportunity import Opportunity, OpportunityQuery, load_opportunity
from gateway.customers.recording import InteractionMutation
from gateway.customers.segment import Segment, SegmentQuery, load_segment
from gateway.customers.segmenting import SegmentMutation
from gateway.customers.selling import OpportunityMutation
from gateway.customers.source import SourceMutation, SourceQuery
from gateway.customers.spend import SpendMutation
from gateway.customers.statements import ConsentMutation
from gateway.customers.stream import StreamSubscription
from gateway.customers.team import Team, load_team
from gateway.customers.touchpoint import Touchpoint, TouchpointMutation, TouchpointQuery, load_touchpoint
from gateway.customers.webhook import WebhookMutation, WebhookQuery

QUERIES = (
    CustomerQuery,
    CandidateQuery,
    MatchingQuery,
    AttributeQuery,
    SourceQuery,
    EmployeeQuery,
    TouchpointQuery,
    CampaignQuery,
    CodeQuery,
    OfferQuery,
    OpportunityQuery,
    SegmentQuery,
    WebhookQuery,
    StateQuery,
)
MUTATIONS = (
    CustomerMutation,
    MergingMutation,
    CandidateMutation,
    MatchingMutation,
    AttributeMutation,
    SourceMutation,
    EmployeeMutation,
    TouchpointMutation,
    InteractionMutation,
    ConsentMutation,
    StateMutation,
    CampaignMutation,
    SpendMutation,
    CodeMutation,
    OfferMutation,
    OpportunityMutation,
    SegmentMutation,
    DeliveryMutation,
    WebhookMutation,
)
SUBSCRIPTIONS = (StreamSubscription,)
ENTITIES = (
    Customer,
    Employee,
    Team,
    Touchpoint,
    Interaction,
    Enquiry,
    Feedback,
    Campaign,
    Offer,
    Opportunity,
    Segment,
    Delivery,
    DuplicateCandidate,
)
NODES = {
    "cus": (Customer, load_customer),
    "emp": (Employee, load_employee),
    "tea": (Team, load_team),
    "tou": (Touchpoint, load_touchpoint),
    "int": (Interaction, load_interaction),
    "cmp": (Campaign, load_campaign),
    "off": (Offer, load_offer),
    "opp": (Opportunity, load_opportunity),
    "seg": (Segment, load_segment),
    "dlv": (Delivery, load_delivery),
    "dup": (DuplicateCandidate, load_candidate),
}

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
    "Customers",
    "CustomersStubs",
    "Mutation",
    "Query",
    "Subscription",
]
