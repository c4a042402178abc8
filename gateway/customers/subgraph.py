"""All of the customers subgraph: what the merged schema and its own take from it."""

from strawberry.tools import merge_types

from gateway.customers.campaign import Campaign, CampaignMutation, CampaignQuery, load_campaign
from gateway.customers.changes import CustomerMutation
from gateway.customers.client import SERVICE, Customers, CustomersStubs
from gateway.customers.code import CodeMutation, CodeQuery
from gateway.customers.customer import Customer, CustomerQuery, load_customer
from gateway.customers.employee import Employee, EmployeeMutation, EmployeeQuery, load_employee
from gateway.customers.interaction import Enquiry, Interaction, InteractionMutation, load_interaction
from gateway.customers.merging import MergingMutation
from gateway.customers.spend import SpendMutation
from gateway.customers.statements import ConsentMutation
from gateway.customers.team import Team, load_team
from gateway.customers.touchpoint import Touchpoint, TouchpointMutation, TouchpointQuery, load_touchpoint

QUERIES = (CustomerQuery, EmployeeQuery, TouchpointQuery, CampaignQuery, CodeQuery)
MUTATIONS = (
    CustomerMutation,
    MergingMutation,
    EmployeeMutation,
    TouchpointMutation,
    InteractionMutation,
    ConsentMutation,
    CampaignMutation,
    SpendMutation,
    CodeMutation,
)
ENTITIES = (Customer, Employee, Team, Touchpoint, Interaction, Enquiry, Campaign)
NODES = {
    "cus": (Customer, load_customer),
    "emp": (Employee, load_employee),
    "tea": (Team, load_team),
    "tou": (Touchpoint, load_touchpoint),
    "int": (Interaction, load_interaction),
    "cmp": (Campaign, load_campaign),
}

Query = merge_types("Query", QUERIES)
Mutation = merge_types("Mutation", MUTATIONS)

__all__ = ["ENTITIES", "MUTATIONS", "NODES", "QUERIES", "SERVICE", "Customers", "CustomersStubs", "Mutation", "Query"]
