"""Where employees are kept."""

from collections.abc import Iterable

from pymongo import ASCENDING

from chassis.caller import Caller
from chassis.mongo import ONE_REPLY, Database, Document, Session
from chassis.page import Page, Slice, keyset_filter, keyset_sort, slice_of
from services.customers.employee.domain import Employee, Subject

OWN_SOURCE = "rundblick"
ORDER = (("display_name", ASCENDING), ("_id", ASCENDING))


class MongoEmployeeRepository:
    """Employees are the company's own: partners do not see them."""

    def __init__(self, database: Database) -> None:
        self._employees = database["employees"]

    async def ensure_indexes(self) -> None:
        await self._employees.create_index(ORDER, name="name")
        await self._employees.create_index([("team", ASCENDING)], name="team")
        # Over issuer and subject together. Sparse: those whom no provider knows do not get in each other's way.
        await self._employees.create_index("subjects", name="subjects", unique=True, sparse=True)

    async def of_ids(self, caller: Caller, ids: Iterable[str], session: Session | None = None) -> dict[str, Employee]:
        if caller.sources is not None:
            return {}
        documents = self._employees.find({"_id": {"$in": list(ids)}}, session=session, batch_size=ONE_REPLY)
        return {document["_id"]: _from_document(document) async for document in documents}

    async def of_subjects(
        self, caller: Caller, subjects: Iterable[Subject], session: Session | None = None
    ) -> dict[Subject, Employee]:
        if caller.sources is not None:
            return {}
        asked = [_subject_document(subject) for subject in subjects]
        documents = self._employees.find({"subjects": {"$in": asked}}, session=session, batch_size=ONE_REPLY)
        found = [_from_document(document) async for document in documents]
        return {subject: employee for employee in found for subject in employee.subjects}

    async def page(self, caller: Caller, page: Page) -> Slice[Employee]:
        if caller.sources is not None:
            return slice_of([], [], page)
        documents = await (
            self._employees.find(keyset_filter(ORDER, page)).sort(keyset_sort(ORDER, page)).limit(page.size + 1)
        ).to_list(page.size + 1)
        boundaries = [(document["display_name"], document["_id"]) for document in documents]
        return slice_of([_from_document(document) for document in documents], boundaries, page)

    async def save(self, caller: Caller, employee: Employee, session: Session) -> None:
        document: Document = {
            "display_name": employee.display_name,
            "team": employee.team,
            "active": employee.active,
            "source": OWN_SOURCE,
            "owner": employee.id,
        }
        if employee.subjects:
            document["subjects"] = [_subject_document(subject) for subject in employee.subjects]
        await self._employees.replace_one({"_id": employee.id}, document, upsert=True, session=session)


def _subject_document(subject: Subject) -> Document:
    # Found and kept unique as a whole: the order of its fields counts.
    return {"issuer": subject.issuer, "subject": subject.subject}


def _from_document(document: Document) -> Employee:
    return Employee(
        id=document["_id"],
        display_name=document["display_name"],
        team=document["team"],
        active=document["active"],
        subjects=tuple(Subject(one["issuer"], one["subject"]) for one in document.get("subjects", ())),
    )
