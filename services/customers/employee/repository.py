"""Where employees are kept."""

from collections.abc import Iterable
from dataclasses import dataclass

from pymongo import ASCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of

OWN_SOURCE = "rundblick"
ORDER = (("display_name", ASCENDING), ("_id", ASCENDING))


@dataclass(frozen=True, slots=True)
class Employee:
    id: str
    display_name: str
    team: str | None
    active: bool


class MongoEmployeeRepository:
    """Employees are the company's own: partners do not see them."""

    def __init__(self, database: Database) -> None:
        self._employees = database["employees"]

    async def ensure_indexes(self) -> None:
        await self._employees.create_index(ORDER, name="name")

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Employee]:
        if caller.sources is not None:
            return {}
        documents = self._employees.find({"_id": {"$in": list(ids)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in documents}

    async def page(self, caller: Caller, page: Page) -> Slice[Employee]:
        if caller.sources is not None:
            return slice_of([], [], page)
        documents = await (
            self._employees.find(keyset_filter(ORDER, page)).sort(keyset_sort(ORDER, page)).limit(page.size + 1)
        ).to_list(page.size + 1)
        boundaries = [(document["display_name"], document["_id"]) for document in documents]
        return slice_of([_from_document(document) for document in documents], boundaries, page)

    async def save(self, caller: Caller, employee: Employee, session: Session) -> None:
        document = {
            "display_name": employee.display_name,
            "team": employee.team,
            "active": employee.active,
            "source": OWN_SOURCE,
            "owner": employee.id,
        }
        await self._employees.replace_one({"_id": employee.id}, document, upsert=True, session=session)


def _from_document(document: Document) -> Employee:
    return Employee(document["_id"], document["display_name"], document["team"], document["active"])
