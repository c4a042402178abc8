"""A write that is sent twice happens once, whatever comes between."""

import asyncio

import pytest
from rundblick.customers.v1 import customer_pb2, employee_pb2

from chassis.caller import Caller
from chassis.errors import IdempotencyMismatch, InvalidInput
from chassis.idempotency import KEPT_SECONDS, Writes
from chassis.mongo import Database, Session

Request = customer_pb2.CreateCustomerRequest
Response = customer_pb2.CreateCustomerResponse


class Made:
    """Stores one document per call of the work, and answers its number."""

    def __init__(self, database: Database, caller: Caller) -> None:
        self._database = database
        self._caller = caller
        self.writes = Writes(database)

    async def __call__(self, request: Request, caller: Caller | None = None) -> str:
        async def work(session: Session) -> Response:
            number = await self._database["made"].count_documents({}, session=session)
            await self._database["made"].insert_one({"_id": number}, session=session)
            return Response(customer=customer_pb2.Customer(id=f"cus_{number}"))

        done = await self.writes.run(caller or self._caller, request, Response, work)
        return done.customer.id

    async def count(self) -> int:
        return await self._database["made"].count_documents({})


@pytest.fixture
def made(database: Database, caller: Caller) -> Made:
    return Made(database, caller)


def request(key: str, name: str = "a") -> Request:
    return Request(idempotency_key=key, fields=customer_pb2.CustomerFields(display_name=name))


async def test_a_write_sent_twice_happens_once_and_is_answered_alike(made: Made) -> None:
    assert await made(request("k")) == await made(request("k")) == "cus_0"
    assert await made.count() == 1


async def test_two_at_once_are_one(made: Made) -> None:
    assert set(await asyncio.gather(*(made(request("k")) for _ in range(8)))) == {"cus_0"}
    assert await made.count() == 1


async def test_writes_without_a_key_are_writes_of_their_own(made: Made) -> None:
    assert [await made(request("")), await made(request(""))] == ["cus_0", "cus_1"]


async def test_a_key_used_with_other_input_is_refused_and_changes_nothing(made: Made) -> None:
    await made(request("k"))
    with pytest.raises(IdempotencyMismatch) as refused:
        await made(request("k", "b"))
    assert refused.value.path == ("idempotency_key",)
    assert await made.count() == 1


async def test_a_key_belongs_to_its_caller(made: Made) -> None:
    await made(request("k"))
    await made(request("k", "b"), Caller(subject="someone else"))
    assert await made.count() == 2


async def test_a_key_belongs_to_its_kind_of_write(made: Made, caller: Caller, database: Database) -> None:
    await made(request("k"))

    async def work(session: Session) -> employee_pb2.CreateEmployeeResponse:
        return employee_pb2.CreateEmployeeResponse(employee=employee_pb2.Employee(id="emp_1"))

    other = employee_pb2.CreateEmployeeRequest(idempotency_key="k")
    done = await Writes(database).run(caller, other, employee_pb2.CreateEmployeeResponse, work)
    assert done.employee.id == "emp_1"


async def test_a_write_that_failed_may_be_sent_again(made: Made, database: Database, caller: Caller) -> None:
    async def failing(session: Session) -> Response:
        await database["made"].insert_one({"_id": 99}, session=session)
        raise InvalidInput("no")

    with pytest.raises(InvalidInput):
        await made.writes.run(caller, request("k"), Response, failing)
    assert await made.count() == 0
    assert await made(request("k")) == "cus_0"


async def test_a_key_is_as_long_as_allowed_and_no_longer(made: Made) -> None:
    await made(request("k" * 200))
    with pytest.raises(InvalidInput) as refused:
        await made(request("k" * 201))
    assert refused.value.path == ("idempotency_key",)


async def test_keys_are_forgotten_after_seven_days(made: Made, database: Database) -> None:
    await made.writes.ensure_indexes()
    indexes = await database["idempotency"].index_information()
    assert indexes["expiry"]["expireAfterSeconds"] == KEPT_SECONDS == 7 * 24 * 3600
    await made(request("k"))
    record = await database["idempotency"].find_one({})
    assert record is not None
    assert record["at"].tzinfo is not None
