"""What a partner's client may be, and which of its secrets count when."""

from datetime import UTC, datetime, timedelta

import pytest

from chassis.errors import InvalidInput
from services.customers.client.domain import Client, ClientRevoked, Secret, overlap_of, registered, secret_hash

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def made(name: str = "Shop", sources: list[str] | None = None, scopes: list[str] | None = None) -> Client:
    return registered(
        "cli_1",
        name,
        ["shop"] if sources is None else sources,
        ["customers:read"] if scopes is None else scopes,
        allowed={"customers:read", "import"},
        secret=Secret("sec_1", b"first"),
        now=NOW,
    )


@pytest.mark.parametrize(
    ("name", "sources", "scopes", "path"),
    [
        (" ", ["shop"], ["customers:read"], ("name",)),
        ("n" * 201, ["shop"], ["customers:read"], ("name",)),
        ("Shop", [], ["customers:read"], ("sources",)),
        ("Shop", [f"s{number}" for number in range(101)], ["customers:read"], ("sources",)),
        ("Shop", ["shop", ""], ["customers:read"], ("sources", "1")),
        ("Shop", ["shop", "shop "], ["customers:read"], ("sources", "1")),
        ("Shop", ["s" * 101], ["customers:read"], ("sources", "0")),
        ("Shop", ["shop", "rundblick"], ["customers:read"], ("sources", "1")),
        ("Shop", ["shop"], [], ("scopes",)),
        ("Shop", ["shop"], ["customers:read", "employees:read"], ("scopes", "1")),
    ],
)
def test_what_cannot_be_is_refused_with_its_field(
    name: str, sources: list[str], scopes: list[str], path: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        made(name, sources, scopes)
    assert refused.value.path == path


def test_both_secrets_count_during_the_overlap_and_only_the_new_one_after_it() -> None:
    client = made().rotated(Secret("sec_2", b"second"), HOUR, NOW)
    last, over = NOW + HOUR - timedelta(milliseconds=1), NOW + HOUR
    assert [client.admits(hash, last) for hash in (b"first", b"second")] == [True, True]
    assert [client.admits(hash, over) for hash in (b"first", b"second")] == [False, True]
    assert not client.admits(b"third", last)


def test_without_an_overlap_no_former_secret_is_left() -> None:
    client = made().rotated(Secret("sec_2", b"second"), HOUR, NOW)
    client = client.rotated(Secret("sec_3", b"third"), timedelta(), NOW)
    assert [secret.id for secret in client.secrets] == ["sec_3"]


def test_a_later_rotation_never_prolongs_a_former_secret() -> None:
    client = made().rotated(Secret("sec_2", b"second"), HOUR, NOW).rotated(Secret("sec_3", b"third"), 9 * HOUR, NOW)
    assert [secret.until for secret in client.secrets] == [NOW + HOUR, NOW + 9 * HOUR, None]
    client = client.rotated(Secret("sec_4", b"fourth"), HOUR, NOW + 2 * HOUR)
    assert [secret.id for secret in client.secrets] == ["sec_2", "sec_3", "sec_4"]


def test_a_revoked_client_is_never_let_in_and_gets_no_secret() -> None:
    client = made().rotated(Secret("sec_2", b"second"), HOUR, NOW).revoked(NOW)
    assert not client.admits(b"first", NOW)
    assert not client.admits(b"second", NOW)
    assert client.revoked(NOW + HOUR).revoked_at == NOW
    with pytest.raises(ClientRevoked):
        client.rotated(Secret("sec_3", b"third"), HOUR, NOW)


def test_the_same_secret_of_two_clients_has_two_hashes() -> None:
    assert secret_hash("cli_1", "secret") == secret_hash("cli_1", "secret")
    assert secret_hash("cli_1", "secret") != secret_hash("cli_2", "secret")
    assert secret_hash("cli_1", "secret") != secret_hash("cli_1", "Secret")


@pytest.mark.parametrize("seconds", [-1, 30 * 24 * 3600 + 1, 2**63 - 1])
def test_an_overlap_has_bounds(seconds: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        overlap_of(seconds)
    assert refused.value.path == ("overlap_seconds",)


def test_an_overlap_may_be_nothing_or_thirty_days() -> None:
    assert [overlap_of(0), overlap_of(30 * 24 * 3600)] == [timedelta(), timedelta(days=30)]
