"""Rows of CSV or JSON Lines, plain or gzip, one at a time, however large the file."""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

_GZIP_MAGIC = b"\x1f\x8b"


class FileError(Exception):
    """Why the file cannot be read, in one line."""


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """line: of the file, 1 is the first. error: why it is no row; then `values` is empty."""

    line: int
    values: dict[str, Any]
    error: str | None = None


class RowFile:
    """An open file of rows; `position` of `size` says how far the reading is, in bytes as they lie on the disk."""

    def __init__(self, raw: BinaryIO, size: int, *, name: str) -> None:
        self._raw = raw
        self.size = size
        start = raw.read(2)
        raw.seek(0)
        stream = gzip.GzipFile(fileobj=raw) if start == _GZIP_MAGIC else raw
        self._text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
        plain = name.removesuffix(".gz")
        self._is_json = plain.endswith((".jsonl", ".ndjson", ".json"))

    @property
    def position(self) -> int:
        return self._raw.tell()

    def rows(self, columns: Sequence[str]) -> Iterator[NumberedRow]:
        """FileError: a column is missing, or the file is damaged."""
        try:
            yield from self._json_lines() if self._is_json else self._csv(columns)
        except (OSError, EOFError, csv.Error) as error:
            raise FileError(f"the file is damaged: {error}") from None

    def _csv(self, columns: Sequence[str]) -> Iterator[NumberedRow]:
        reader = csv.reader(self._text)
        header = next(reader, None)
        if header is None:
            raise FileError("the file is empty: it has no line of column names")
        missing = [column for column in columns if column not in header]
        if missing:
            raise FileError(f"the file has no column {', '.join(missing)}; it has {', '.join(header)}")
        while True:
            line = reader.line_num + 1
            values = next(reader, None)
            if values is None:
                return
            if not values:
                continue
            if len(values) != len(header):
                yield NumberedRow(line, {}, f"has {len(values)} columns, the header {len(header)}")
            else:
                yield NumberedRow(line, dict(zip(header, values, strict=True)))

    def _json_lines(self) -> Iterator[NumberedRow]:
        for number, text in enumerate(self._text, start=1):
            if not text.strip():
                continue
            try:
                values = json.loads(text)
            except (ValueError, RecursionError):
                yield NumberedRow(number, {}, "is not JSON")
                continue
            if isinstance(values, dict):
                yield NumberedRow(number, values)
            else:
                yield NumberedRow(number, {}, "is not a JSON object")


@contextmanager
def open_rows(file: Path) -> Iterator[RowFile]:
    """FileError: there is no such file, or it may not be read."""
    try:
        raw = file.open("rb")
    except OSError as error:
        raise FileError(f"{file}: {error.strerror}") from None
    with raw:
        yield RowFile(raw, file.stat().st_size, name=file.name.lower())
