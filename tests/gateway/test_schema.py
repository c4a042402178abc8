"""The schemas: the snapshot, the subgraphs, and clashes that are found."""

from pathlib import Path

import pytest
import strawberry
from graphql import build_schema

from gateway import schema
from gateway.schema import SUBGRAPHS, Clash, printed_schema, subgraph_sdl

SNAPSHOT = Path(schema.__file__).with_name("schema.graphql")


def test_the_schema_changes_on_purpose_only() -> None:
    assert printed_schema() == SNAPSHOT.read_text(), "write it anew with: make schema"


@pytest.mark.parametrize("name", SUBGRAPHS)
def test_a_subgraph_is_a_federation_schema_that_all_composers_take(name: str) -> None:
    sdl = subgraph_sdl(name)
    assert "federation/v2.9" in sdl
    assert "@key" in sdl


def test_the_printed_schema_is_a_schema() -> None:
    built = build_schema(SNAPSHOT.read_text())
    assert built.query_type is not None
    nullable = {name for name, field in built.query_type.fields.items() if not str(field.type).endswith("!")}
    assert set(built.query_type.fields) - nullable == {"viewer", "nodes"}


def test_what_crosses_into_another_service_is_nullable() -> None:
    built = build_schema(SNAPSHOT.read_text())
    for type_name, field in (
        ("Customer", "enquiries"),
        ("Customer", "kpis"),
        ("Touchpoint", "kpis"),
        ("Enquiry", "customer"),
        ("Enquiry", "touchpoint"),
        ("Enquiry", "assignee"),
        ("Enquiry", "team"),
        ("Interaction", "subject"),
        ("WaitInterval", "answeredBy"),
    ):
        assert not str(built.type_map[type_name].fields[field].type).endswith("!"), field  # type: ignore[attr-defined]  # an object type


def test_every_payload_says_what_the_caller_can_mend() -> None:
    built = build_schema(SNAPSHOT.read_text())
    assert built.mutation_type is not None
    for name, field in built.mutation_type.fields.items():
        payload = built.type_map[f"{name[0].upper()}{name[1:]}Payload"]
        assert str(field.type) == payload.name
        assert str(payload.fields["userErrors"].type) == "[UserError!]!"  # type: ignore[attr-defined]  # an object type
        given = built.type_map[f"{name[0].upper()}{name[1:]}Input"]
        assert "idempotencyKey" in given.fields  # type: ignore[attr-defined]  # an input type


def test_two_subgraphs_that_define_one_field_clash() -> None:
    @strawberry.type
    class Thing:
        id: strawberry.ID
        name: str

    other = type("Thing", (), {"__annotations__": {"id": strawberry.ID, "name": str}, "__module__": "gateway.errors"})
    with pytest.raises(Clash, match=r"Thing\.name"):
        schema._merged("Thing", [Thing, strawberry.type(other)])
