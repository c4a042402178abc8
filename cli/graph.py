"""Asks a running system's graph, like any other client of it."""

import time
from collections.abc import Callable
from typing import Any

import httpx


class GraphError(Exception):
    """What the graph refused, in its own words."""


class Graph:
    """language: of sentences for people."""

    def __init__(self, endpoint: str, token: str | None = None, language: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if language is not None:
            headers["Accept-Language"] = language
        self._client = httpx.Client(base_url=endpoint, timeout=30, headers=headers)

    def close(self) -> None:
        self._client.close()

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data; GraphError when any of it is missing."""
        body = self._body(query, variables)
        if body.get("errors"):
            raise GraphError("; ".join(error["message"] for error in body["errors"]))
        data: dict[str, Any] = body["data"]
        return data

    def ask_each(self, query: str, **variables: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """The data, and why a field of the root cannot be asked for so; GraphError when anything else is missing."""
        body = self._body(query, variables)
        refused: dict[str, str] = {}
        for error in body.get("errors") or ():
            path = error.get("path")
            if body.get("data") is None or not path or error["extensions"]["code"] != "BAD_USER_INPUT":
                raise GraphError(error["message"])
            refused.setdefault(path[0], error["message"])
        return body["data"], refused

    def _body(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        try:
            body: dict[str, Any] = self._client.post("/graphql", json={"query": query, "variables": variables}).json()
        except httpx.HTTPError as error:
            raise GraphError(f"{self._client.base_url} does not answer: {error}") from None
        return body

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
