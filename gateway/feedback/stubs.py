"""How objects of others are known here: by the id alone. Apart from the others, who refer to calendars, Team."""

import strawberry
from strawberry import federation
from strawberry.federation.schema_directives import Key
from strawberry.federation.types import FieldSet

from gateway.shared import Named, Node

STUB = [Key(fields=FieldSet("id"), resolvable=False)]


@federation.type(keys=STUB)
class Team(Named, Node):
    id: strawberry.ID
