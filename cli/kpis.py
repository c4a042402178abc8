"""Definitions of KPIs as files: read, held against what is defined, applied. Fields are those of the graph's inputs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cli.graph import Graph

_PAYLOAD = "userErrors { message path }"
_DEFINE = f"""mutation($input: DefineKpiInput!) {{ defineKpi(input: $input) {{
  kpi {{ key definition {{ version backFill {{ job }} }} }}
  changes {{ field before after }}
  trial {{ examined counted filtered result leftOut {{ reason count }} faults {{ message count event }} }}
  {_PAYLOAD} }} }}"""
_DECLARE = f"mutation($input: DefineEventTypeInput!) {{ defineEventType(input: $input) {{ {_PAYLOAD} }} }}"
_KNOWN = """{ kpis { key definition { version } }
  eventTypes { name description dimensions unit waits builtIn attributes { name kind } } }"""


class DefinitionFault(Exception):
    """What is wrong with a file, and where."""


@dataclass(frozen=True, slots=True)
class Definitions:
    """events: what a company declares beside Rundblick's own."""

    kpis: list[dict[str, Any]]
    events: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Plan:
    """One KPI of a file. changes: (field, before, after). trial: what stored events would give.

    waits_for: what must be applied before it can be tried.
    """

    kpi: dict[str, Any]
    version: int
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    trial: Mapping[str, Any] | None = None
    waits_for: str | None = None


def read(path: Path) -> Definitions:
    """A list of KPIs, or an object of `events` and `kpis`. DefinitionFault."""
    try:
        said = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise DefinitionFault(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DefinitionFault(f"{path}: {' '.join(str(error).split())}") from None
    if isinstance(said, list):
        said = {"kpis": said}
    if not isinstance(said, dict) or not said.keys() <= {"kpis", "events"}:
        raise DefinitionFault(f"{path}: a file is a list of KPIs, or an object of events and kpis")
    for name in ("kpis", "events"):
        entries = said.get(name) or []
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise DefinitionFault(f"{path}: {name} is a list of objects")
    return Definitions(said.get("kpis") or [], said.get("events") or [])


class Applying:
    """One file against one running system."""

    def __init__(self, graph: Graph, definitions: Definitions, name: str) -> None:
        self._graph = graph
        self._definitions = definitions
        self._name = name
        known = graph.ask(_KNOWN)
        self._versions = {one["key"]: one["definition"]["version"] for one in known["kpis"]}
        self._types = {one["name"]: one for one in known["eventTypes"]}

    @property
    def new_events(self) -> list[dict[str, Any]]:
        """Those to be declared, or to be added to."""
        return [_declaration(one) for one in self._definitions.events if self._differs(_declaration(one))]

    def _differs(self, said: Mapping[str, Any]) -> bool:
        known = self._types.get(said.get("name", ""))
        if known is None:
            return True
        attributes = sorted((one["name"], one["kind"]) for one in known["attributes"])
        return (
            known["description"] != said.get("description")
            or sorted(known["dimensions"]) != sorted(said.get("dimensions") or [])
            or attributes != sorted((one["name"], one["kind"]) for one in said.get("attributes") or [])
        )

    def plans(self) -> Iterator[Plan]:
        """What applying would change, in the file's order; nothing is changed. DefinitionFault: all that is wrong."""
        declared = {one.get("name") for one in self.new_events} - set(self._types)
        new = {kpi.get("key") for kpi in self._definitions.kpis} - set(self._versions)
        wrong: list[str] = []
        plans = []
        for kpi in self._definitions.kpis:
            plan = Plan(kpi, self._versions.get(kpi.get("key", ""), 0))
            waits = [key for key in kpi.get("of") or [] if key in new]
            if kpi.get("event") in declared or waits:
                plan.waits_for = waits[0] if waits else kpi["event"]
            else:
                try:
                    answer = self._define({**kpi, "dryRun": True})
                except DefinitionFault as fault:
                    wrong.append(str(fault))
                    continue
                plan.changes = [(one["field"], one["before"], one["after"]) for one in answer["changes"]]
                plan.trial = answer["trial"]
            plans.append(plan)
        if wrong:
            raise DefinitionFault("\n".join(wrong))
        yield from plans

    def apply(self, plans: list[Plan]) -> Iterator[tuple[str, int, bool]]:
        """(key, version, is it being counted anew?) of each that was changed."""
        for said in self.new_events:
            self._checked(self._graph.ask(_DECLARE, input=said)["defineEventType"], f"events {said.get('name')}")
        for plan in plans:
            if plan.changes or plan.waits_for:
                answer = self._define({**plan.kpi, "version": plan.version})
                definition = answer["kpi"]["definition"]
                yield answer["kpi"]["key"], definition["version"], definition["backFill"] is not None

    def _define(self, said: dict[str, Any]) -> Mapping[str, Any]:
        return self._checked(self._graph.ask(_DEFINE, input=said)["defineKpi"], f"KPI {said.get('key')}")

    def _checked(self, payload: Mapping[str, Any], what: str) -> Mapping[str, Any]:
        if payload["userErrors"]:
            said = "; ".join(
                f"{'.'.join(error['path'][1:])}: {error['message']}" if error["path"] else error["message"]
                for error in payload["userErrors"]
            )
            raise DefinitionFault(f"{self._name}: {what}: {said}")
        return payload


def _declaration(said: dict[str, Any]) -> dict[str, Any]:
    """Attributes are written as an object of name and kind."""
    attributes = said.get("attributes") or {}
    if isinstance(attributes, dict):
        said = {**said, "attributes": [{"name": name, "kind": kind} for name, kind in attributes.items()]}
    return said
