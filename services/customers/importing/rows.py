"""What takes the rows of one kind."""

from collections.abc import Sequence
from typing import Protocol

from rundblick.customers.v1 import importing_pb2 as pb

from chassis.caller import Caller
from chassis.errors import InvalidInput
from chassis.mongo import Session
from services.customers.importing.domain import Outcome


class Rows(Protocol):
    async def take(
        self, caller: Caller, source: str, rows: Sequence[pb.ImportedRow], outcome: Outcome, session: Session
    ) -> None:
        """Store each where its like is stored. One that cannot be taken is a fault at its line, and writes nothing."""


def require_external_id(external_id: str) -> str:
    """InvalidInput: there is none."""
    if not external_id:
        raise InvalidInput("an external id is missing: by it the row is known again", ("external_id",))
    return external_id
