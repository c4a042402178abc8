"""Asks a running system's graph, like any other client of it."""

import time
from collections.abc import Callable
from typing import Any

import httpx


class GraphError(Exception):
    """What the graph refused, in its own words."""


class Graph:
    def __init__(self, endpoint: str, token: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=endpoint, timeout=30, headers=headers)

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data; GraphError when any of it is missing."""
        try:
            body = self._client.post("/graphql", json={"query": query, "variables": variables}).json()
        except httpx.HTTPError as error:
            raise GraphError(f"{self._client.base_url} does not answer: {error}") from None
        if body.get("errors"):
            raise GraphError("; ".join(error["message"] for error in body["errors"]))
        data: dict[str, Any] = body["data"]
        return data

    def ask_until(
        self, query: str, done: Callable[[dict[str, Any]], bool], *, seconds: float, **variables: Any
    ) -> dict[str, Any]:
        """Ask until the answer is complete; GraphError when it is not in time."""
        end = time.monotonic() + seconds
        while not done(data := self.ask(query, **variables)):
            if time.monotonic() > end:
                raise GraphError(f"the figures were not complete within {seconds:.0f} s")
            time.sleep(0.2)
        return data
