"""What the service offers over the wire, and who may call it."""

from importlib import import_module

from rundblick.shared.v1 import alias_pb2, outbox_pb2, retelling_pb2, verification_pb2

from chassis import rights

# The nouns with a proto of their own.
NOUNS = (
    *("attachment", "calendar", "enquiry", "feedback", "job"),
    *("mail", "measure", "policy", "stream", "survey", "topic"),
)
FILES = tuple(import_module(f"rundblick.feedback.v1.{noun}_pb2").DESCRIPTOR for noun in NOUNS)
SHARED = (
    alias_pb2.DESCRIPTOR,
    outbox_pb2.DESCRIPTOR,
    retelling_pb2.DESCRIPTOR,
    verification_pb2.DESCRIPTOR,
)
RIGHTS = rights.load("rundblick.feedback.v1", "rundblick.shared.v1")
NAMES = tuple(service.full_name for file in (*FILES, *SHARED) for service in file.services_by_name.values())
