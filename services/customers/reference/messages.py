"""References as they are said, read into keys."""

from rundblick.customers.v1 import reference_pb2 as pb

from chassis.errors import Fault, InvalidInput
from services.customers.customer.domain import CustomerKind, Form, checked
from services.customers.customer.messages import KIND_FROM_PROTO, values_from_proto
from services.customers.reference.resolver import CustomerKey


def customer_key(reference: pb.CustomerReference, form: Form) -> CustomerKey:
    """What is said of a customer by its source; what of it cannot be read does not lose the rest.

    InvalidInput: it cannot be known again, or all of it is beyond reading.
    """
    if not reference.external_id:
        raise InvalidInput("an external id is missing: by it the customer is known again", ("external_id",))
    left_out: list[Fault] = []
    said = values_from_proto(reference.fields) if reference.HasField("fields") else None
    return CustomerKey(
        reference.external_id,
        KIND_FROM_PROTO.get(reference.kind, CustomerKind.PERSON),
        checked(said, form, left_out) if said is not None else None,
        tuple(left_out),
    )
