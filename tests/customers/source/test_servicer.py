"""A registered source says what it may say and nothing else; what it may not is refused, or left out of an import."""

from typing import Any

import pytest
from rundblick.customers.v1 import (
    customer_pb2,
    customer_pb2_grpc,
    importing_pb2,
    importing_pb2_grpc,
    reference_pb2,
    source_pb2_grpc,
)
from rundblick.customers.v1 import source_pb2 as pb

from chassis.channel import open_channel
from chassis.errors import InvalidInput
from chassis.mongo import Database
from chassis.server import running_server
from services.customers.contract import FILES
from services.customers.source.domain import LegalBasis, Source
from services.customers.wiring import CustomersService
from tests import tokens
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import Running


def source(key: str = "shop", writable: list[str] | None = None, **fields: Any) -> pb.DefineSourceRequest:
    return pb.DefineSourceRequest(
        key=key,
        name=key.title(),
        legal_basis=pb.LEGAL_BASIS_CONTRACT,
        writable=pb.WritableFields(names=writable) if writable is not None else None,
        **fields,
    )


def creating(source: str, **fields: Any) -> customer_pb2.CreateCustomerRequest:
    return customer_pb2.CreateCustomerRequest(
        kind=customer_pb2.CUSTOMER_KIND_PERSON,
        fields=customer_pb2.CustomerFields(display_name="Ada", **fields),
        external_id=customer_pb2.ExternalId(source=source, id="1"),
    )


def importing(**fields: Any) -> importing_pb2.ImportRowsRequest:
    said = customer_pb2.CustomerFields(display_name="Ada", **fields)
    row = importing_pb2.ImportedRow(line=2, customer=reference_pb2.CustomerReference(external_id="1", fields=said))
    return importing_pb2.ImportRowsRequest(source="shop", rows=[row])


async def test_a_source_writes_what_it_may(customers: Running, commands: Commands) -> None:
    defined = (await customers.call(source(writable=["display_name", "emails"], team_key="sales"))).source
    assert (defined.version, list(defined.writable.names)) == (1, ["display_name", "emails"])
    assert defined.HasField("team_id")
    fault = await customers.fault(creating("shop", locale="de"))
    assert (fault.fault.code, fault.path) == ("INVALID", ("fields", "locale"))
    assert not (await customers.call(customer_pb2.ListCustomersRequest())).edges

    # An import loses a field and not the row; said again it is told again and changes nothing.
    for created in (1, 0):
        taken = await customers.call(importing(locale="de", emails=customer_pb2.StringList(values=["nonsense"])))
        assert (taken.created, taken.changed, len(taken.rejected)) == (created, 0, 0)
        assert [(row.line, list(row.error.path)) for row in taken.left_out] == [
            (2, ["fields", "emails", "0"]),
            (2, ["fields", "locale"]),
        ]
    [edge] = (await customers.call(customer_pb2.ListCustomersRequest())).edges
    assert (edge.node.display_name, edge.node.HasField("locale")) == ("Ada", False)
    # People here may write everything.
    update = customer_pb2.UpdateCustomerRequest(id=edge.node.id, fields=customer_pb2.CustomerFields(locale="fr"))
    assert (await customers.call(update)).customer.locale == "fr"

    with commands.recorded():
        [listed] = (await customers.call(pb.ListSourcesRequest())).sources
        assert not (await customers.call(pb.ListSourcesRequest(), partner("fair"))).sources
    assert listed == defined
    assert await commands.unindexed() == []


async def test_a_source_is_changed_from_its_version(customers: Running) -> None:
    await customers.call(source())
    assert (await customers.fault(source())).fault.code == "ALREADY_EXISTS"
    assert (await customers.call(source(version=1, writable=["attributes.tier"]))).source.version == 2
    assert (await customers.fault(source(version=1))).fault.code == "CONFLICT"
    assert (await customers.fault(source("other", version=1))).fault.code == "NOT_FOUND"
    assert (await customers.fault(source("other", writable=["shoe"]))).path == ("writable",)


async def test_where_sources_must_be_registered_others_bring_nobody_in(database: Database) -> None:
    service = CustomersService(database, registered_sources=True)
    await service.ready.ensure_indexes()
    async with (
        running_server("127.0.0.1:0", service.register, grace=0.1) as server,
        open_channel(f"127.0.0.1:{server.port}", FILES) as channel,
    ):
        stubs = [
            customer_pb2_grpc.CustomerServiceStub(channel),
            importing_pb2_grpc.ImportServiceStub(channel),
            source_pb2_grpc.SourceServiceStub(channel),
        ]
        customers = Running(stubs, tokens.authenticator(), f"127.0.0.1:{server.port}")
        fault = await customers.fault(creating("shop"))
        assert (fault.fault.code, fault.path) == ("INVALID", ("external_id", "source"))
        [rejected] = (await customers.call(importing())).rejected
        assert "not registered" in rejected.error.message
        ours = customer_pb2.CreateCustomerRequest(
            kind=customer_pb2.CUSTOMER_KIND_PERSON, fields=customer_pb2.CustomerFields(display_name="Ours")
        )
        await customers.call(ours)
        await customers.call(source())
        assert (await customers.call(importing())).created == 1


def test_attributes_are_written_all_or_one_by_one() -> None:
    def may(writable: set[str] | None, field: str) -> bool:
        allowed = frozenset(writable) if writable is not None else None
        return Source("shop", "Shop", LegalBasis.CONSENT, writable=allowed).may_write(field)

    assert may(None, "attributes.tier")
    assert may({"attributes"}, "attributes.tier")
    assert may({"attributes.tier"}, "attributes.tier")
    assert not may({"attributes.tier"}, "attributes.seats")
    assert not may({"emails"}, "attributes.tier")
    with pytest.raises(InvalidInput):
        Source(" shop", "Shop", LegalBasis.CONSENT)
