"""Takes rows of contacts: each once by its external id, corrected when it is said otherwise."""

from collections.abc import Sequence

from rundblick.customers.v1 import importing_pb2 as pb
from rundblick.customers.v1 import interaction_pb2

from chassis.caller import Caller
from chassis.errors import DomainError, NotFound
from chassis.mongo import Session
from services.customers.importing.domain import Outcome
from services.customers.importing.rows import require_external_id
from services.customers.interaction.naming import Naming
from services.customers.interaction.recording import Recording
from services.customers.interaction.repository import MongoInteractionRepository
from services.customers.touchpoint.domain import Touchpoint
from services.customers.touchpoint.repository import MongoTouchpointRepository


class InteractionRows:
    def __init__(
        self,
        naming: Naming,
        recording: Recording,
        interactions: MongoInteractionRepository,
        touchpoints: MongoTouchpointRepository,
    ) -> None:
        self._naming = naming
        self._recording = recording
        self._interactions = interactions
        self._touchpoints = touchpoints

    async def take(
        self, caller: Caller, source: str, rows: Sequence[pb.ImportedRow], outcome: Outcome, session: Session
    ) -> None:
        keys = {row.interaction.touchpoint_key for row in rows if row.interaction.touchpoint_key}
        places = await self._touchpoints.of_keys(caller, keys, session) if keys else {}
        lines: list[int] = []
        said: list[interaction_pb2.Interaction] = []
        for row in rows:
            try:
                said.append(_said(row.interaction, source, places))
            except DomainError as error:
                outcome.faults[row.line] = error.fault
            else:
                lines.append(row.line)
        read = await self._naming.read(caller, said, session)
        outcome.faults |= {lines[position]: fault for position, fault in read.faults.items()}
        await self._naming.give(caller, read, session, hold=True)
        known = await self._interactions.of_ids(caller, (one.id for one in read.taken.values()), session)
        kept = await self._recording.record(caller, session, read.taken.values())
        for one in read.taken.values():
            outcome.took(known.get(one.id), kept[one.id])
            known[one.id] = kept[one.id]


def _said(row: pb.ImportedInteraction, source: str, places: dict[str, Touchpoint]) -> interaction_pb2.Interaction:
    require_external_id(row.interaction.external_id)
    said = interaction_pb2.Interaction()
    said.CopyFrom(row.interaction)
    said.source = source
    if row.HasField("customer_external_id"):
        said.customer_external_id.source, said.customer_external_id.id = source, row.customer_external_id
    if row.HasField("touchpoint_key"):
        if row.touchpoint_key not in places:
            raise NotFound(f"there is no touchpoint {row.touchpoint_key[:80]}", ("touchpoint",))
        said.touchpoint_id = places[row.touchpoint_key].id
    return said
