"""What the service offers over the wire, and who may call it."""

from rundblick.customers.v1 import (
    attribute_pb2,
    campaign_pb2,
    candidate_pb2,
    client_pb2,
    code_pb2,
    consent_pb2,
    customer_pb2,
    employee_pb2,
    importing_pb2,
    interaction_pb2,
    job_pb2,
    matching_pb2,
    offer_pb2,
    opportunity_pb2,
    recommendation_pb2,
    reference_pb2,
    segment_pb2,
    signal_pb2,
    source_pb2,
    spend_pb2,
    state_pb2,
    stream_pb2,
    team_pb2,
    touchpoint_pb2,
    webhook_pb2,
)
from rundblick.customers.v1 import delivery_pb2 as customer_delivery_pb2
from rundblick.shared.v1 import delivery_pb2, identity_pb2, outbox_pb2, verification_pb2

from chassis import rights

FILES = tuple(
    module.DESCRIPTOR
    for module in (
        attribute_pb2,
        campaign_pb2,
        candidate_pb2,
        client_pb2,
        code_pb2,
        consent_pb2,
        customer_delivery_pb2,
        customer_pb2,
        employee_pb2,
        importing_pb2,
        interaction_pb2,
        job_pb2,
        matching_pb2,
        offer_pb2,
        opportunity_pb2,
        recommendation_pb2,
        reference_pb2,
        segment_pb2,
        signal_pb2,
        source_pb2,
        spend_pb2,
        state_pb2,
        stream_pb2,
        team_pb2,
        touchpoint_pb2,
        webhook_pb2,
    )
)
SHARED = (outbox_pb2.DESCRIPTOR, delivery_pb2.DESCRIPTOR, identity_pb2.DESCRIPTOR, verification_pb2.DESCRIPTOR)
RIGHTS = rights.load("rundblick.customers.v1", "rundblick.shared.v1")
# What the clients of partners may be allowed to do, in any service.
_ALL_RIGHTS = rights.load(
    "rundblick.customers.v1", "rundblick.feedback.v1", "rundblick.metrics.v1", "rundblick.shared.v1"
)
OF_PARTNERS = frozenset(scope.name for scope in _ALL_RIGHTS.scopes.values() if scope.partners)
NAMES = tuple(service.full_name for file in (*FILES, *SHARED) for service in file.services_by_name.values())
