"""The register of sources: whose they are, on what ground, and what each may say of a customer."""

import grpc
from rundblick.customers.v1 import customer_pb2, source_pb2_grpc
from rundblick.customers.v1 import source_pb2 as pb

from chassis.channel import open_channel
from tests.callers import partner
from tests.customers.conftest import Running


def creating(external_id: str, **fields: object) -> customer_pb2.CreateCustomerRequest:
    said = customer_pb2.CustomerFields(display_name="Ida", **fields)  # type: ignore[arg-type]
    key = customer_pb2.ExternalId(source="shop", id=external_id)
    return customer_pb2.CreateCustomerRequest(kind=customer_pb2.CUSTOMER_KIND_PERSON, fields=said, external_id=key)


async def test_a_registered_source_writes_what_it_may_and_nothing_else(customers: Running) -> None:
    async with open_channel(customers.address) as channel:
        register = Running([source_pb2_grpc.SourceServiceStub(channel)], customers.authenticator, customers.address)
        said = pb.DefineSourceRequest(
            key="shop",
            name="Web shop",
            legal_basis=pb.LEGAL_BASIS_CONTRACT,
            team_key="sales",
            writable=pb.WritableFields(names=["display_name", "emails"]),
        )
        source = (await register.call(said)).source
        assert (source.version, list(source.writable.names)) == (1, ["display_name", "emails"])
        for wrong in ({"writable": pb.WritableFields(names=["colour"])}, {"name": ""}, {"legal_basis": 99}):
            request = pb.DefineSourceRequest()
            request.CopyFrom(said)
            for name, value in wrong.items():
                if isinstance(value, pb.WritableFields):
                    request.writable.CopyFrom(value)
                else:
                    setattr(request, name, value)
            assert (await register.refused(request))[0] in (
                grpc.StatusCode.INVALID_ARGUMENT,
                grpc.StatusCode.ALREADY_EXISTS,
            )
        assert (await register.refused(said))[0] is grpc.StatusCode.ALREADY_EXISTS
        said.version = 7
        assert (await register.refused(said))[0] is grpc.StatusCode.ABORTED
        assert [one.key for one in (await register.call(pb.ListSourcesRequest())).sources] == ["shop"]
        assert not (await register.call(pb.ListSourcesRequest(), partner("fair"))).sources

    taken = (await customers.call(creating("1", emails=customer_pb2.StringList(values=["ida@example.org"])))).customer
    assert list(taken.emails) == ["ida@example.org"]
    refused = await customers.fault(creating("2", family_name="Berg"))
    assert refused.path == ("fields", "family_name")
