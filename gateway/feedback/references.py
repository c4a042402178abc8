"""What feedback refers to and others own: known here by the id alone."""

import strawberry
from strawberry import federation
from strawberry.federation.schema_directives import Key
from strawberry.federation.types import FieldSet

from gateway.shared import Named, Node

STUB = [Key(fields=FieldSet("id"), resolvable=False)]


@federation.type(keys=STUB)
class Touchpoint(Named, Node):
    id: strawberry.ID


@federation.type(keys=STUB)
class Employee(Named, Node):
    id: strawberry.ID


@federation.type(keys=STUB)
class Team(Named, Node):
    id: strawberry.ID
