"""All of the feedback subgraph: what the merged schema and its own take from it."""

from strawberry.tools import merge_types

from gateway.feedback.calendar import CalendarMutation, CalendarQuery
from gateway.feedback.changes import EnquiryMutation
from gateway.feedback.client import SERVICE, Feedback, FeedbackStubs
from gateway.feedback.enquiry import Customer, Enquiry, EnquiryQuery, load_enquiry
from gateway.feedback.feedback import Feedback as FeedbackNode
from gateway.feedback.feedback import FeedbackQuery, load_feedback
from gateway.feedback.measure import Measure, MeasureQuery, load_measure
from gateway.feedback.measuring import MeasureMutation
from gateway.feedback.merging import EnquiryMergingMutation
from gateway.feedback.policy import ServiceLevelMutation, ServiceLevelQuery
from gateway.feedback.references import Campaign, Delivery, Employee, Offer, Team, Touchpoint
from gateway.feedback.stream import StreamSubscription
from gateway.feedback.submitting import FeedbackMutation
from gateway.feedback.survey import Survey, SurveyQuery, load_survey
from gateway.feedback.surveying import SurveyMutation
from gateway.feedback.topic import Topic, TopicMutation, TopicQuery, load_topic

QUERIES = (
    CalendarQuery,
    EnquiryQuery,
    FeedbackQuery,
    MeasureQuery,
    ServiceLevelQuery,
    SurveyQuery,
    TopicQuery,
)
MUTATIONS = (
    CalendarMutation,
    EnquiryMutation,
    EnquiryMergingMutation,
    FeedbackMutation,
    MeasureMutation,
    ServiceLevelMutation,
    SurveyMutation,
    TopicMutation,
)
SUBSCRIPTIONS = (StreamSubscription,)
ENTITIES = (
    Campaign,
    Customer,
    Delivery,
    Enquiry,
    Employee,
    FeedbackNode,
    Measure,
    Offer,
    Survey,
    Team,
    Topic,
    Touchpoint,
)
NODES = {
    "enq": (Enquiry, load_enquiry),
    "fbk": (FeedbackNode, load_feedback),
    "mea": (Measure, load_measure),
    "srv": (Survey, load_survey),
    "top": (Topic, load_topic),
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
    "Feedback",
    "FeedbackStubs",
    "Mutation",
    "Query",
    "Subscription",
]
