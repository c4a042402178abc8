"""Teams in MongoDB."""

from chassis.caller import Caller
from chassis.mongo import Database, in_transaction
from services.customers.team.repository import MongoTeamRepository


async def test_a_team_is_found_by_its_id_and_by_its_key(database: Database, caller: Caller) -> None:
    teams = MongoTeamRepository(database)
    await teams.ensure_indexes()
    made = await in_transaction(database, lambda session: teams.add(caller, {"night": "Night shift"}, session))
    assert await teams.of_keys(caller, ["night", "day"]) == made
    (team,) = (await teams.of_ids(caller, made.values())).values()
    assert (team.key, team.name) == ("night", "Night shift")
