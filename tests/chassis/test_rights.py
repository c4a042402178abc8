"""Who may call what, as a table says it, and how far a call then sees."""

import sys
from pathlib import Path

import pytest

from chassis import rights
from chassis.caller import Caller, Reach
from chassis.errors import Forbidden
from chassis.rights import Rights, Scope

TABLE = Rights(
    scopes={
        "things:read": Scope("things:read", "read things", rows=True, partners=True),
        "things:write": Scope("things:write", "change things"),
        "things:tell": Scope("things:tell", "tell of things", internal=True),
    },
    rpcs={
        "/t.Things/Get": ("things:read",),
        "/t.Things/Put": ("things:write", "things:tell"),
        "/t.Things/Hello": (rights.ANYBODY,),
    },
)


def caller(*scopes: str, **more: object) -> Caller:
    return Caller("somebody", frozenset(scopes), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scopes", "rows"),
    [
        (("things:read",), Reach.ALL),
        (("*",), Reach.ALL),
        (("things:read:team",), Reach.TEAM),
        (("things:read:own",), Reach.OWN),
        (("things:read:own", "things:read:team"), Reach.TEAM),
        (("things:read:own", "things:read"), Reach.ALL),
    ],
)
def test_a_call_sees_as_far_as_its_scope_goes(scopes: tuple[str, ...], rows: Reach) -> None:
    assert TABLE.admitted(caller(*scopes, employee="emp_1", team="tea_1"), "/t.Things/Get").rows is rows


@pytest.mark.parametrize("scopes", [(), ("things:write",), ("things:reading",), ("things:read:all",)])
def test_without_the_scope_a_call_is_refused(scopes: tuple[str, ...]) -> None:
    with pytest.raises(Forbidden, match="things:read"):
        TABLE.admitted(caller(*scopes, employee="emp_1"), "/t.Things/Get")


def test_one_of_several_scopes_is_enough() -> None:
    assert TABLE.admitted(caller("things:tell"), "/t.Things/Put").rows is Reach.ALL


@pytest.mark.parametrize("ending", rights.ENDINGS)
def test_a_limit_that_nothing_would_enforce_is_no_permission(ending: str) -> None:
    with pytest.raises(Forbidden):
        TABLE.admitted(caller("things:write" + ending, employee="emp_1", team="tea_1"), "/t.Things/Put")


@pytest.mark.parametrize("scope", ["things:read:own", "things:read:team"])
def test_who_is_no_employee_has_no_records_of_their_own(scope: str) -> None:
    with pytest.raises(Forbidden):
        TABLE.admitted(caller(scope), "/t.Things/Get")


def test_partners_hold_what_partners_may_hold_and_nothing_else() -> None:
    partner = caller("*", sources=frozenset({"shop"}))
    assert TABLE.admitted(partner, "/t.Things/Get") == partner
    with pytest.raises(Forbidden):
        TABLE.admitted(partner, "/t.Things/Put")


def test_what_has_no_row_is_refused_to_everybody() -> None:
    with pytest.raises(Forbidden):
        TABLE.admitted(caller("*"), "/t.Things/New")


def test_some_calls_are_open_to_all_who_are_known() -> None:
    assert TABLE.admitted(caller(), "/t.Things/Hello") == caller()


def test_tokens_grant_nothing_that_only_processes_hold() -> None:
    assert {"things:read", "things:read:own", "things:read:team", "things:write", "*"} == TABLE.grantable


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of its own, found by the import system."""
    (tmp_path / "some_tables").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "some_tables", raising=False)
    return tmp_path / "some_tables"


def test_a_table_is_read_from_beside_its_protos(package: Path) -> None:
    (package / rights.FILE).write_text(
        """
        service = "things"
        [scopes."things:read"]
        meaning = "read things"
        rows = true
        [processes]
        other = ["things:read"]
        [objects.Thing]
        read = "things:read"
        own = "the owner"
        message = "t.Thing"
        fields = "name secret"
        personal = { scope = "things:secret", fields = "secret" }
        [rpcs."t.Things"]
        Get = "things:read"
        """
    )
    table = rights.load("some_tables")
    (thing,) = table.objects
    assert (thing.service, thing.fields, thing.scope_of("secret"), thing.scope_of("name")) == (
        "things",
        ("name", "secret"),
        "things:secret",
        None,
    )
    assert table.processes == {"other": frozenset({"things:read"})}
    assert table.rpcs == {"/t.Things/Get": ("things:read",)}


def test_a_table_that_needs_a_scope_nobody_explains_is_refused(package: Path) -> None:
    (package / rights.FILE).write_text('service = "things"\n[rpcs."t.Things"]\nGet = "things:raed"\n')
    with pytest.raises(ValueError, match="things:raed"):
        rights.load("some_tables")


def test_two_tables_that_contradict_each_other_are_refused() -> None:
    other = Rights(scopes={"things:read": Scope("things:read", "read other things")})
    with pytest.raises(ValueError, match="things:read"):
        rights.together([TABLE, other])
