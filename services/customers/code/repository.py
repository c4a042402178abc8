"""Where codes are kept."""

from collections.abc import Iterable, Sequence

from pymongo import ASCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from chassis.page import Page, Slice, slice_of
from services.customers.code.domain import Code
from services.customers.paging import documents_of_parents

OWN_SOURCE = "rundblick"
ORDER = (("_id", ASCENDING),)


class MongoCodeRepository:
    """Codes hang in the street: whoever may know touchpoints may know them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._codes = database["touchpoint_codes"]

    async def ensure_indexes(self) -> None:
        await self._codes.create_index([("touchpoint", ASCENDING), *ORDER], name="touchpoint")

    async def of_codes(self, caller: Caller, codes: Iterable[str], session: Session | None = None) -> dict[str, Code]:
        found = self._codes.find({"_id": {"$in": list(codes)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in found}

    async def of_touchpoints(self, caller: Caller, touchpoints: Sequence[str], page: Page) -> dict[str, Slice[Code]]:
        """One page of each touchpoint's."""
        found = await documents_of_parents(self._database, self._codes, "touchpoint", touchpoints, page, ORDER, {})
        return {
            touchpoint: slice_of([_from_document(one) for one in some], [(one["_id"],) for one in some], page)
            for touchpoint, some in found.items()
        }

    async def add(self, caller: Caller, code: Code, session: Session) -> None:
        await self._codes.insert_one(_to_document(code), session=session)


def _to_document(code: Code) -> Document:
    return {
        "_id": code.code,
        "touchpoint": code.touchpoint,
        "campaign": code.campaign,
        "target": code.target,
        "source": OWN_SOURCE,
        "team": code.team,
        "owner": code.owner,
    }


def _from_document(document: Document) -> Code:
    return Code(
        code=document["_id"],
        touchpoint=document["touchpoint"],
        campaign=document["campaign"],
        target=document["target"],
        team=document["team"],
        owner=document["owner"],
    )
