"""The rights table of a service: which scope each call and each personal field needs, and who holds what.

The tables are files beside the protos (rights.toml), so that services, gateway and command line read the same one. A
call that has no row is refused to everybody.

    [scopes."customers:read"]
    meaning = "read customers and their journeys"
    rows = true                       # also with the endings :team and :own
    partners = true                   # also for callers who are limited to their sources

    [processes]
    feedback = ["references:resolve"] # what a process may do on its own account

    [objects.Customer]                # a type of the graph, or what this service adds to it; type: of which, where the
                                      # fields of one need different scopes
    read = "customers:read"
    message = "rundblick.customers.v1.Customer"
    own = "the accountable employee"  # whose record it is
    fields = "id kind displayName"
    personal = { scope = "customers:personal", fields = "emails phones" }

    [rpcs."rundblick.customers.v1.CustomerService"]
    BatchGetCustomers = "customers:read"
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any

from chassis.caller import ALL_SCOPES, Caller, Reach
from chassis.errors import Forbidden

FILE = "rights.toml"
# The endings with which a scope covers one's own records, or those of one's team.
ENDINGS = (":own", ":team")
# Of a row that every caller meets who is known at all.
ANYBODY = "anybody"


@dataclass(frozen=True, slots=True)
class Scope:
    """meaning: for people. rows: it may be limited to own or team. partners: callers with a limit of sources may hold
    it. internal: held by processes alone.
    """

    name: str
    meaning: str
    rows: bool = False
    partners: bool = False
    internal: bool = False


@dataclass(frozen=True, slots=True)
class Object:
    """A type of the graph, or what one service adds to it. message: the proto message that carries its personal fields.

    own, team: whose record it is, in words; None: it is not limited by rows. part_of: the object it is a part of.
    extends: another service owns the type.
    """

    service: str
    name: str
    read: str
    fields: tuple[str, ...]
    personal: tuple[str, ...] = ()
    personal_scope: str | None = None
    message: str | None = None
    own: str | None = None
    team: str | None = None
    part_of: str | None = None
    extends: bool = False

    def scope_of(self, field: str) -> str | None:
        """The scope that one field needs beside that of the object."""
        return self.personal_scope if field in self.personal else None


@dataclass(frozen=True, slots=True)
class Rights:
    """One table, or several together. rpcs: full method name -> the scopes of which one is needed."""

    scopes: Mapping[str, Scope] = field(default_factory=dict)
    processes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    objects: tuple[Object, ...] = ()
    rpcs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mutations: Mapping[str, str] = field(default_factory=dict)

    def admitted(self, caller: Caller, method: str) -> Caller:
        """The caller as this call sees them: limited to the rows that their scope covers.

        method: /package.Service/Method. Forbidden: they may not call it.
        """
        needed = self.rpcs.get(method)
        if needed is None:
            raise Forbidden(f"nobody may call {method}")
        if ANYBODY in needed:
            return caller
        reach = max(self.reach(caller, scope) for scope in needed)
        if reach is Reach.NONE:
            raise Forbidden(f"the scope {needed[0]} is needed")
        if reach is Reach.ALL:
            return caller
        if caller.employee is None and (reach is Reach.OWN or caller.team is None):
            raise Forbidden(f"{needed[0]} goes as far as one's own records, and this caller is no employee")
        return replace(caller, rows=reach)

    def reach(self, caller: Caller, scope: str) -> Reach:
        """How far a scope of this table goes for a caller: not beyond what such callers may hold."""
        reach, known = caller.reach(scope), self.scopes[scope]
        if caller.sources is not None and not known.partners:
            return Reach.NONE
        # A limit that nothing would enforce is no permission.
        return reach if reach is Reach.ALL or known.rows else Reach.NONE

    def scopes_of(self, name: str) -> tuple[str, ...]:
        """The scopes of which a method needs one, by its name alone. ValueError: there is none, or more than one."""
        (found,) = [scopes for method, scopes in self.rpcs.items() if method.endswith(f"/{name}")]
        return found

    @property
    def grantable(self) -> frozenset[str]:
        """What a token can give."""
        names = {scope.name for scope in self.scopes.values() if not scope.internal}
        limited = {scope.name + ending for scope in self.scopes.values() if scope.rows for ending in ENDINGS}
        return frozenset(names | limited | {ALL_SCOPES})


def load(*packages: str) -> Rights:
    """The tables of these proto packages as one. ValueError: one of them is wrong."""
    rights = together([read(package) for package in packages])
    unknown = {scope for scopes in rights.rpcs.values() for scope in scopes} - {ANYBODY, *rights.scopes}
    if unknown:
        raise ValueError(f"rights tables speak of scopes that none of them explains: {', '.join(sorted(unknown))}")
    return rights


def together(tables: Sequence[Rights]) -> Rights:
    processes: dict[str, frozenset[str]] = {}
    for table in tables:
        for name, scopes in table.processes.items():
            processes[name] = processes.get(name, frozenset()) | scopes
    return Rights(
        scopes=_united([table.scopes for table in tables]),
        processes=processes,
        objects=tuple(one for table in tables for one in table.objects),
        rpcs=_united([table.rpcs for table in tables]),
        mutations=_united([table.mutations for table in tables]),
    )


def _united(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    united: dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            if united.setdefault(name, value) != value:
                raise ValueError(f"two rights tables say different things of {name}")
    return united


def read(package: str) -> Rights:
    """The table of one proto package alone."""
    table = tomllib.loads(resources.files(package).joinpath(FILE).read_text(encoding="utf-8"))
    return Rights(
        scopes={name: Scope(name, **said) for name, said in table.get("scopes", {}).items()},
        processes={name: frozenset(scopes) for name, scopes in table.get("processes", {}).items()},
        objects=tuple(_object(table["service"], name, said) for name, said in table.get("objects", {}).items()),
        rpcs={
            f"/{service}/{method}": (scope,) if isinstance(scope, str) else tuple(scope)
            for service, methods in table.get("rpcs", {}).items()
            for method, scope in methods.items()
        },
        mutations=table.get("mutations", {}),
    )


def _object(service: str, name: str, said: Mapping[str, Any]) -> Object:
    personal = said.get("personal", {})
    return Object(
        service,
        said.get("type", name),
        read=said["read"],
        fields=tuple(said["fields"].split()),
        personal=tuple(personal.get("fields", "").split()),
        personal_scope=personal.get("scope"),
        message=said.get("message"),
        own=said.get("own"),
        team=said.get("team"),
        part_of=said.get("part_of"),
        extends=said.get("extends", False),
    )
