"""How MongoDB answers what a repository asks: by the plan that won, not by those that were weighed and rejected."""

from collections.abc import Iterator
from typing import Any

from chassis.mongo import Database
from tests.commands import Commands

_ASKED = ("find", "filter", "projection", "sort", "limit")


def _stages(plan: Any) -> Iterator[str]:
    if isinstance(plan, list):
        for part in plan:
            yield from _stages(part)
    elif isinstance(plan, dict):
        # Documents may have a field of this name too, in the filter of a plan.
        if isinstance(plan.get("stage"), str):
            yield plan["stage"]
        for part in plan.values():
            yield from _stages(part)


async def faults_of_winners(database: Database, commands: Commands) -> list[str]:
    """The recorded finds that look through a whole collection or sort in memory."""
    wrong = []
    for name, command in commands.found:
        assert name == "find", name
        asked = {key: command[key] for key in _ASKED if key in command}
        plan = await database.command("explain", asked, verbosity="queryPlanner")
        stages = set(_stages(plan["queryPlanner"]["winningPlan"]))
        assert stages, plan
        wrong += [f"{stage} in {asked}" for stage in sorted(stages & {"COLLSCAN", "SORT"})]
    return wrong
