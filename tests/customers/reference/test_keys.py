"""Keys that are none, and what is said of them."""

from rundblick.customers.v1 import reference_pb2 as pb

from chassis.mongo import Database
from tests.customers.conftest import Running


async def test_an_empty_key_makes_nothing_and_has_an_error(customers: Running, database: Database) -> None:
    answer = await customers.call(
        pb.ResolveReferencesRequest(
            source="shop",
            customers=[pb.CustomerReference()],
            touchpoints=[pb.TouchpointReference(create=pb.NewTouchpoint(name="x"))],
            teams=[pb.TeamReference(create_name="x"), pb.TeamReference(key="night", create_name="Night")],
        )
    )
    for error in (answer.customers[""].error, answer.touchpoints[""].error, answer.teams[""].error):
        assert error.code == "INVALID"
    assert answer.teams["night"].team_id
    assert [await database[name].count_documents({}) for name in ("customers", "touchpoints", "teams")] == [0, 0, 1]
