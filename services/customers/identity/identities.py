"""Who is behind a token, from the employees and clients that are kept here."""

from collections.abc import Iterable
from typing import NamedTuple

from chassis.caller import Caller
from chassis.directory import Identity
from services.customers.client.domain import Client
from services.customers.client.repository import MongoClientRepository
from services.customers.employee.domain import Employee, Subject
from services.customers.employee.repository import MongoEmployeeRepository


class Key(NamedTuple):
    """What a token says of who it speaks for: iss, sub, and the client it was given to."""

    issuer: str
    subject: str
    client: str | None = None


class Identities:
    """The directory of this process; other processes ask it over gRPC."""

    def __init__(self, employees: MongoEmployeeRepository, clients: MongoClientRepository, caller: Caller) -> None:
        self._employees = employees
        self._clients = clients
        self._caller = caller

    async def identity_of(self, issuer: str, subject: str, client: str | None) -> Identity | None:
        key = Key(issuer, subject, client)
        return (await self.of_keys(self._caller, [key])).get(key)

    async def of_keys(self, caller: Caller, keys: Iterable[Key]) -> dict[Key, Identity]:
        """Of those that are known."""
        asked = list(keys)
        names = {key.client for key in asked if key.client is not None}
        employees = await self._employees.of_subjects(caller, {Subject(key.issuer, key.subject) for key in asked})
        clients = await self._clients.of_ids(caller, names) if names else {}
        found = {
            key: _identity(employees.get(Subject(key.issuer, key.subject)), clients.get(key.client or ""))
            for key in asked
        }
        return {key: identity for key, identity in found.items() if identity is not None}


def _identity(employee: Employee | None, client: Client | None) -> Identity | None:
    """An employee who uses a partner's client is limited as the client is."""
    if employee is None and client is None:
        return None
    gone = employee is not None and not employee.active
    return Identity(
        employee=employee.id if employee else None,
        team=employee.team if employee else None,
        sources=client.sources if client else None,
        scopes=client.scopes if client else None,
        revoked=gone or (client is not None and client.revoked_at is not None),
    )
