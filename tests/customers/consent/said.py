"""Entries of consent, as tests need them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.customers.consent.domain import ConsentEntry, ConsentPurpose, ConsentStatus, Statement
from services.customers.touchpoint.domain import Channel

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def on(day: int) -> datetime:
    return NOW + timedelta(days=day)


def statement(status: ConsentStatus = ConsentStatus.GRANTED, day: int = 0, **fields: Any) -> Statement:
    given: dict[str, Any] = {
        "channel": Channel.EMAIL,
        "purpose": ConsentPurpose.MARKETING,
        "source": "crm",
        "occurred_at": on(day),
        "recorded_at": on(1000),
        **fields,
    }
    return Statement(status=status, **given)


def entry(
    number: int,
    record: str,
    said: Statement,
    covers: frozenset[str] | None = None,
    sources: frozenset[str] | None = None,
    confirms: str | None = None,
) -> ConsentEntry:
    return ConsentEntry(
        id=f"cns_{number:04}",
        customer="cus_1",
        source_record=record,
        said=said,
        covers=covers if covers is not None else frozenset({record}),
        sources=sources,
        confirms=confirms,
    )
