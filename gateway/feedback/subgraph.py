"""All of the feedback subgraph: what the merged schema and its own take from it."""

from strawberry.tools import merge_types

from gateway.feedback.changes import EnquiryMutation
from gateway.feedback.client import SERVICE, Feedback, FeedbackStubs
from gateway.feedback.enquiry import Customer, Enquiry, EnquiryQuery, load_enquiry
from gateway.feedback.references import Employee, Team, Touchpoint

QUERIES = (EnquiryQuery,)
MUTATIONS = (EnquiryMutation,)
ENTITIES = (Customer, Enquiry, Employee, Team, Touchpoint)
NODES = {"enq": (Enquiry, load_enquiry)}

Query = merge_types("Query", QUERIES)
Mutation = merge_types("Mutation", MUTATIONS)

__all__ = ["ENTITIES", "MUTATIONS", "NODES", "QUERIES", "SERVICE", "Feedback", "FeedbackStubs", "Mutation", "Query"]
