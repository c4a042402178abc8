"""Secrets of endpoints are sealed in the database, whatever the key was when they were kept."""

import pytest
from cryptography.fernet import Fernet
from standardwebhooks import Webhook

from chassis.caller import service_caller
from chassis.mongo import Database
from chassis.times import utc_now
from services.customers.delivery.carriers import Away
from services.customers.settings import CustomersSettings
from services.customers.webhook.carrying import Carrying
from services.customers.webhook.repository import MongoEndpointRepository
from services.customers.webhook.resealing import Resealing
from services.customers.webhook.sealing import NoKey, Sealing
from tests.customers.delivery.conftest import KEY, Company
from tests.customers.webhook.test_carrying import SMS, registered, running_gateway

OLD, NEW, STRANGE = (Fernet.generate_key().decode() for _ in range(3))


async def kept(database: Database) -> list[str]:
    return [one["secret"] async for one in database["webhook_endpoints"].find().sort("_id", 1)]


async def test_a_secret_is_sealed_with_todays_key_and_signs_as_before(company: Company, database: Database) -> None:
    endpoints = MongoEndpointRepository(database)
    async with running_gateway() as gateway:
        first = await registered(company, gateway.url, SMS)
        [sealed] = await kept(database)
        assert Fernet(KEY).decrypt(sealed).decode() == first.secret
        # Kept before there was a key, then under one that was changed since.
        await database["webhook_endpoints"].update_many({}, {"$set": {"secret": first.secret}})
        for key in (OLD, f"{NEW} {OLD}"):
            before = await kept(database)
            resealing = Resealing(database, endpoints, Sealing(key.split()))
            assert not await resealing.step()
            assert await kept(database) != before
            before = await kept(database)
            assert not await resealing.step()
            assert await kept(database) == before, "sealed with the first key already"
        [sealed] = await kept(database)
        assert Fernet(NEW).decrypt(sealed).decode() == first.secret
        # By whoever has not that key it stays as it is.
        assert not await Resealing(database, endpoints, Sealing([STRANGE])).step()
        assert await kept(database) == [sealed]
        [endpoint] = (await endpoints.active(service_caller("customers"))).values()
        carrying = Carrying(endpoints, None, utc_now, Sealing([NEW]), production=False)
        assert await carrying.post(endpoint, "dlv_1", {"type": "delivery.requested"}) == 204
        headers, body = gateway.got[0]
        assert Webhook(first.secret).verify(body, headers)["type"] == "delivery.requested"
        for sealing in (Sealing([STRANGE]), Sealing()):
            with pytest.raises(Away):
                await Carrying(endpoints, None, utc_now, sealing, production=False).post(endpoint, "dlv_1", {})
        assert len(gateway.got) == 1


def test_in_production_nothing_is_kept_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoKey):
        Sealing(required=True).sealed("whsec_x")
    monkeypatch.setenv("RUNDBLICK_SECRET_KEY", f"{NEW} {OLD}")
    sealing = CustomersSettings().outside.sealing
    assert sealing.opened(Sealing([OLD]).sealed("whsec_x")) == "whsec_x"
    assert Sealing([NEW]).opened(sealing.sealed("whsec_x")) == "whsec_x"
    monkeypatch.setenv("RUNDBLICK_SECRET_KEY", "short")
    with pytest.raises(ValueError, match="32 bytes"):
        CustomersSettings()
