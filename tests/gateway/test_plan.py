"""Where money works, in the graph and on the command line: the same figures, with names beside them."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.gateway.conftest import World
from tests.gateway.test_campaigns import TODAY, made

_PLAN = """query($period: PeriodInput!) { touchpointPlan(period: $period) {
  unit because { code }
  touchpoints { touchpoint { key } spend responses costPerResponse { value lower upper } finding { code } }
  moves { from { key } to { key } times message { text parameters } } } }"""
_RECORD = "mutation($input: RecordEventsInput!) { recordEvents(input: $input) { accepted userErrors { message } } }"


def facts(touchpoint: str, euros: float) -> list[dict[str, Any]]:
    found = []
    for number in range(30):
        at = datetime(TODAY.year, TODAY.month, TODAY.day, 12, tzinfo=UTC) - timedelta(days=number + 1)
        after: dict[str, Any] = {
            "startedAt": at.isoformat(),
            "dimensions": [{"dimension": "touchpoint", "value": touchpoint}],
        }
        id = f"{touchpoint}-{number}"
        found.append({"id": f"s-{id}", "name": "spend.recorded", "after": {**after, "value": euros}})
        said = {**after, "attributes": {"direction": "INBOUND"}}
        found.append({"id": f"i-{id}", "name": "interaction.recorded", "after": said})
    return found


async def command(world: World, *arguments: str) -> tuple[int, str]:
    endpoint = str(world.client.base_url).rstrip("/")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "plan", "--endpoint", endpoint, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, " ".join(output.decode().split())


async def test_money_goes_where_customers_answer_for_less(world: World) -> None:
    places = {}
    for key in ("fair", "form"):
        place = {"key": key, "name": key.title(), "channel": "OTHER", "nature": "PHYSICAL", "control": "PAID"}
        places[key] = (await made(world, "createTouchpoint", "touchpoint { id }", **place))["touchpoint"]["id"]
    events = [*facts(places["fair"], 80.0), *facts(places["form"], 4.0)]
    assert (await world.data(_RECORD, input={"events": events}))["recordEvents"]["accepted"] == len(events)
    begin = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)
    period = {"start": (begin - timedelta(days=40)).isoformat(), "end": begin.isoformat()}
    found = await world.until(_PLAN, lambda data: data["touchpointPlan"]["moves"], period=period)
    plan = found["touchpointPlan"]
    assert [(one["touchpoint"]["key"], one["costPerResponse"]["value"]) for one in plan["touchpoints"]] == [
        ("form", 4.0),
        ("fair", 80.0),
    ]
    [move] = plan["moves"]
    assert (move["from"]["key"], move["to"]["key"], move["times"]) == ("fair", "form", 20.0)
    assert (plan["unit"], plan["because"]["code"]) == ("EUR", "MOVES")

    status, said = await command(world)
    assert status == 0, said
    assert f"Fair -> Form: {move['message']['text']}" in said
    assert "2400.00" in said
    _, german = await command(world, "--lang", "de", "--from", TODAY.isoformat())
    assert "0 Kontaktpunkte haben Ausgaben" in german
    status, said = await command(world, "--campaign", f"cmp_{'0' * 26}")
    assert (status, "there is no campaign" in said) == (1, True)
