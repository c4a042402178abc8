"""Gathers all ids of one moment into one call, and puts the answers back by key."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from strawberry.dataloader import DataLoader

Value = TypeVar("Value")

LARGEST_BATCH = 500


def by_id(
    fetch: Callable[[Sequence[str]], Awaitable[Mapping[str, Any]]], largest: int = LARGEST_BATCH
) -> DataLoader[str, Any]:
    """fetch: answers of a batch, each with a `value` or an `error`; what is not found is None."""

    async def load(ids: list[str]) -> list[Any]:
        answers = await fetch(ids)
        return [answers[id].value if id in answers and answers[id].HasField("value") else None for id in ids]

    return DataLoader(load_fn=load, max_batch_size=largest)


class Grouped(Generic[Value]):
    """Loads things of many parents with the same arguments in one call; other arguments are another call."""

    def __init__(self, fetch: Callable[[Sequence[str], Any], Awaitable[Mapping[str, Value]]]) -> None:
        self._fetch = fetch
        self._arguments: dict[bytes, Any] = {}
        self._loader: DataLoader[tuple[str, bytes], Value | BaseException] = DataLoader(
            load_fn=self._load, max_batch_size=LARGEST_BATCH
        )

    def load(self, parent: str, arguments: Message) -> Awaitable[Any]:
        key = arguments.SerializeToString(deterministic=True)
        self._arguments[key] = arguments
        return self._loader.load((parent, key))

    async def _load(self, keys: list[tuple[str, bytes]]) -> list[Value | BaseException]:
        groups: dict[bytes, list[str]] = defaultdict(list)
        for parent, key in keys:
            groups[key].append(parent)
        results: dict[tuple[str, bytes], Value | BaseException] = {}
        for key, parents in groups.items():
            try:
                found = await self._fetch(parents, self._arguments[key])
            except Exception as error:  # noqa: BLE001  # one group's error is not the others'
                results |= {(parent, key): error for parent in parents}
            else:
                results |= {(parent, key): found[parent] for parent in parents}
        return [results[key] for key in keys]
