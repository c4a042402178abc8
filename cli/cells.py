"""One row of a file, read by a mapping: texts, days, moments and amounts, or which column holds none."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from rundblick.shared.v1 import money_pb2

from cli.mapping import Row, RowError
from cli.record_mapping import Decimal, Moment, RecordMapping, Source, Value


def columns(mapping: BaseModel) -> list[str]:
    """All that a mapping names, each once."""
    return list(dict.fromkeys(_named(part for name, part in mapping if name not in _NOT_COLUMNS)))


_NOT_COLUMNS = frozenset({"source", "null_values", "decimal"})
# Groups of thousands are groups of three: 1,5 is not fifteen.
_AMOUNT = {
    ".": re.compile(r"[+-]?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?"),
    ",": re.compile(r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?"),
}


def _named(parts: Iterable[Any]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, str):
            yield part
        elif isinstance(part, Value | Moment):
            if part.column is not None:
                yield part.column
        elif isinstance(part, dict):
            yield from _named(part.values())
        elif isinstance(part, list):
            yield from _named(part)
        elif isinstance(part, BaseModel):
            yield from _named(value for _, value in part)


class Cells:
    """RowError from every method: the column and why."""

    def __init__(self, mapping: RecordMapping, row: Row) -> None:
        self._nulls = frozenset(mapping.null_values)
        self._row = row

    def text(self, source: Source | None) -> str | None:
        """None: not said, or blank."""
        if source is None:
            return None
        if isinstance(source, str):
            return self._cell(source)
        if source.column is None:
            return source.value
        said = self._cell(source.column)
        if source.values is None:
            return said if said is not None else source.default
        if said in source.values:
            return source.values[said]
        if source.default is None and said is not None:
            raise RowError(source.column, f"{said!r} is no value of the mapping")
        return source.default

    def required(self, source: Source) -> str:
        found = self.text(source)
        if found is None:
            raise RowError(name_of(source), "is blank")
        return found

    def texts(self, sources: Iterable[Source]) -> list[str]:
        return [text for text in map(self.text, sources) if text is not None]

    def word(self, source: Source, enum: Any, prefix: str) -> Any:
        """A value of a proto's enum by its name."""
        said = self.required(source).upper()
        if f"{prefix}_{said}" not in enum.keys() or said == "UNSPECIFIED":  # noqa: SIM118  # a proto enum is no dict
            known = ", ".join(name.removeprefix(f"{prefix}_") for name in enum.keys()[1:])
            raise RowError(name_of(source), f"{said!r} is none of {known}")
        return enum.Value(f"{prefix}_{said}")

    def day(self, source: Source | None) -> str | None:
        """As ISO 8601."""
        said = self.text(source)
        if said is None or source is None:
            return None
        try:
            return date.fromisoformat(said).isoformat()
        except ValueError:
            raise RowError(name_of(source), f"{said!r} is not a day such as 2026-01-31") from None

    def moment(self, moment: Moment | None) -> datetime | None:
        if moment is None or (said := self._cell(moment.column)) is None:
            return None
        try:
            at = datetime.strptime(said, moment.format) if moment.format else datetime.fromisoformat(said)  # noqa: DTZ007  # the zone follows
        except ValueError:
            raise RowError(moment.column, f"{said!r} is not a time") from None
        return (at.replace(tzinfo=ZoneInfo(moment.time_zone)) if at.tzinfo is None else at).astimezone(UTC)

    def instant(self, moment: Moment) -> datetime:
        """One that is needed."""
        found = self.moment(moment)
        if found is None:
            raise RowError(moment.column, "is blank")
        return found

    def number(self, source: Source | None) -> float | None:
        said = self.text(source)
        if said is None or source is None:
            return None
        try:
            return float(said)
        except ValueError:
            raise RowError(name_of(source), f"{said!r} is not a number such as 0.25") from None

    def money(self, amount: Source | None, currency: Source, decimal: Decimal) -> money_pb2.Money | None:
        """As the wire has it: digits and a point."""
        said = self.text(amount)
        if said is None or amount is None:
            return None
        said = said.replace(" ", "")
        if not _AMOUNT[decimal].fullmatch(said):
            raise RowError(name_of(amount), f"{said!r} is not an amount with the decimal {decimal!r}")
        group = "," if decimal == "." else "."
        digits = said.replace(group, "").replace(decimal, ".")
        return money_pb2.Money(amount=digits, currency=self.required(currency).upper())

    def _cell(self, column: str) -> str | None:
        value = self._row.get(column)
        text = "" if value is None else str(value).strip()
        # As an export writes what a spreadsheet would take for a formula, such as a phone number.
        if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@"):
            text = text[1:]
        return None if text in self._nulls else text


def name_of(source: Source) -> str:
    """As the file names it."""
    return source if isinstance(source, str) else source.column or ""
