"""Answers VerificationService calls: what a service derives is recomputed in batches, and differences are named."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from rundblick.shared.v1 import verification_pb2 as pb
from rundblick.shared.v1 import verification_pb2_grpc

from chassis.caller import Caller, current_caller
from chassis.errors import InvalidInput

LARGEST_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """what: of which kind; id: of the object; detail: fields, ids and numbers, never personal data."""

    what: str
    id: str
    detail: str


@dataclass
class Checked:
    """One batch. next: the last id of it; None when nothing follows. totals: what another service counts too."""

    examined: int = 0
    differences: list[Difference] = field(default_factory=list)
    next: str | None = None
    totals: dict[str, int] = field(default_factory=dict)

    def differs(self, what: str, id: str, detail: str) -> None:
        self.differences.append(Difference(what, id, detail))


class Check(Protocol):
    async def check(self, caller: Caller, after: str | None, size: int) -> Checked:
        """Examine the next `size` objects after that id; None: any of them, by chance."""


class VerificationServicer(verification_pb2_grpc.VerificationServiceServicer):
    def __init__(self, parts: Mapping[str, Check]) -> None:
        self._parts = parts

    async def CheckBatch(self, request: pb.CheckBatchRequest, context: Any) -> pb.CheckBatchResponse:
        caller = current_caller()
        if request.part not in self._parts:
            raise InvalidInput(f"what can be checked here: {', '.join(sorted(self._parts))}", ("part",))
        if not 1 <= request.size <= LARGEST_BATCH:
            raise InvalidInput(f"size lies between 1 and {LARGEST_BATCH}", ("size",))
        checked = await self._parts[request.part].check(caller, None if request.sample else request.after, request.size)
        return pb.CheckBatchResponse(
            examined=checked.examined,
            differences=[pb.Difference(what=d.what, id=d.id, detail=d.detail) for d in checked.differences],
            next_after=None if request.sample else checked.next,
            totals=checked.totals,
        )
