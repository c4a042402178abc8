"""What of a KPI a caller is shown: the conditions forced on them, and whether other employees must be protected."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from chassis.caller import Caller, Reach
from chassis.errors import Forbidden
from services.metrics.kpi.domain import Kpi
from services.metrics.kpi.protection import TEAM

READ = "metrics:read"
EMPLOYEES = "metrics:employees"
EMPLOYEE, SOURCE = "employee", "source"

Where = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class View:
    """where: what is asked for, as far as the caller may see it. forced: the part of it that they cannot choose.

    protected: figures of other employees are among it, and are shown by the rules of protection alone.
    """

    where: Where
    forced: Where
    protected: bool


def view_of(caller: Caller, kpi: Kpi, where: Where, by: Collection[str] = ()) -> View:
    """InvalidInput: it is not kept so. Forbidden: the caller may not see it, or it is not kept by what limits them.

    by: further dimensions whose values are shown.
    """
    asked = frozenset((*where, *by))
    forced = forced_on(caller, where, by)
    _check_kept(kpi, asked, forced)
    shown = {**where, **{name: _both(where.get(name), values) for name, values in forced.items()}}
    if shown.get(EMPLOYEE) == () != where.get(EMPLOYEE):
        # That somebody else has no figures would not be true.
        raise foreign_employee()
    return View(shown, forced, EMPLOYEE in asked and not _only_own(caller, shown))


def forced_on(caller: Caller, where: Where, by: Collection[str] = ()) -> dict[str, tuple[str, ...]]:
    """The conditions that a question gets beside its own. Forbidden: it is about employees whom they may not see."""
    if _only_own(caller, where):
        # One's own figures are shown in every detail.
        return _of_sources(caller)
    if EMPLOYEE in where or EMPLOYEE in by:
        return _forced_by_employee(caller)
    caller.require(READ)
    return {**_of_sources(caller), **_of_rows(caller, caller.reach(READ))}


def _forced_by_employee(caller: Caller) -> dict[str, tuple[str, ...]]:
    reach = employees_of(caller)
    if reach is Reach.NONE and caller.reach(READ) is not Reach.OWN:
        raise foreign_employee()
    return {**_of_sources(caller), **_of_rows(caller, reach or Reach.OWN)}


def _of_sources(caller: Caller) -> dict[str, tuple[str, ...]]:
    return {} if caller.sources is None else {SOURCE: tuple(sorted(caller.sources))}


def _of_rows(caller: Caller, reach: Reach) -> dict[str, tuple[str, ...]]:
    if reach is Reach.ALL:
        return {}
    if reach is Reach.TEAM:
        if caller.team is None:
            raise Forbidden("this caller is limited to a team and belongs to none")
        return {TEAM: (caller.team,)}
    if caller.employee is None:
        raise Forbidden("this caller is limited to their own figures and is no employee")
    return {EMPLOYEE: (caller.employee,)}


def employees_of(caller: Caller) -> Reach:
    """Of whom they may see figures by employee, beside their own. Partners: of nobody."""
    if caller.sources is not None:
        return Reach.NONE
    return min(caller.reach(READ), caller.reach(EMPLOYEES))


def require_everything(caller: Caller, what: str) -> None:
    """Forbidden: the caller is limited, and what they ask for is kept of everything together alone."""
    if forced := forced_on(caller, {}):
        raise Forbidden(f"{what} are not kept by {', '.join(forced)}, to which this caller is limited")


def foreign_employee() -> Forbidden:
    return Forbidden(f"figures by employee need the scope {EMPLOYEES}")


def _only_own(caller: Caller, where: Where) -> bool:
    return caller.employee is not None and where.get(EMPLOYEE) == (caller.employee,)


def _both(asked: tuple[str, ...] | None, allowed: tuple[str, ...]) -> tuple[str, ...]:
    return allowed if asked is None else tuple(value for value in asked if value in allowed)


def _check_kept(kpi: Kpi, asked: Collection[str], forced: Where) -> None:
    if any(frozenset(declared) == {*asked, *forced} for declared in kpi.sets):
        return
    kpi.set_of(asked)
    missing = ", ".join(sorted(set(forced).difference(asked)))
    together = f" together with {', '.join(sorted(asked))}" if asked else ""
    raise Forbidden(f"{kpi.key} is not kept by {missing}{together}, and this caller is limited to it", ("where",))
