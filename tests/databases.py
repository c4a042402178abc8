"""Databases for tests: emptied and used again, since making a service's indexes costs more than most tests do."""

import secrets
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chassis.mongo import Database, open_database


class Databases:
    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._free: defaultdict[str, deque[str]] = defaultdict(deque)

    @asynccontextmanager
    async def lent(self, kind: str) -> AsyncIterator[Database]:
        """An empty database that nobody else has. kind: whose; it may hold that service's indexes already."""
        free = self._free[kind]
        name = free.popleft() if free else f"test_{kind}_{secrets.token_hex(6)}"
        async with open_database(self._uri, name) as database:
            yield database
            for collection in await database.list_collection_names(filter={"type": "collection"}):
                if not collection.startswith("system."):
                    await database[collection].delete_many({})
        free.append(name)
