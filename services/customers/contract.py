"""What the service offers over the wire, and who may call it."""

from importlib import import_module

from rundblick.shared.v1 import delivery_pb2, identity_pb2, outbox_pb2, retelling_pb2, verification_pb2

from chassis import rights

# The nouns with a proto of their own.
NOUNS = (
    "attribute",
    "campaign",
    "candidate",
    "client",
    "code",
    "consent",
    "customer",
    "delivery",
    "employee",
    "importing",
    "interaction",
    "job",
    "matching",
    "offer",
    "opportunity",
    "recommendation",
    "reference",
    "segment",
    "signal",
    "source",
    "spend",
    "state",
    "stream",
    "team",
    "touchpoint",
    "webhook",
)
FILES = tuple(import_module(f"rundblick.customers.v1.{noun}_pb2").DESCRIPTOR for noun in NOUNS)
SHARED = (
    outbox_pb2.DESCRIPTOR,
    delivery_pb2.DESCRIPTOR,
    identity_pb2.DESCRIPTOR,
    retelling_pb2.DESCRIPTOR,
    verification_pb2.DESCRIPTOR,
)
RIGHTS = rights.load("rundblick.customers.v1", "rundblick.shared.v1")
# What the clients of partners may be allowed to do, in any service.
_ALL_RIGHTS = rights.load(
    "rundblick.customers.v1", "rundblick.feedback.v1", "rundblick.metrics.v1", "rundblick.shared.v1"
)
OF_PARTNERS = frozenset(scope.name for scope in _ALL_RIGHTS.scopes.values() if scope.partners)
NAMES = tuple(service.full_name for file in (*FILES, *SHARED) for service in file.services_by_name.values())
