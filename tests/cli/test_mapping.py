"""Rows of a file become enquiries by a mapping that somebody writes; mistakes are named with line and column."""

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from cli.mapping import MappingError, RowError, RowMapper, read_mapping
from cli.rows import FileError, NumberedRow, open_rows
from tests.journeys.conftest import BOSTON


@pytest.fixture
def mapper() -> RowMapper:
    return RowMapper(read_mapping(BOSTON / "mapping.toml"))


def rows_of(path: Path, wanted: Sequence[str], *, most: int | None = None) -> list[NumberedRow]:
    with open_rows(path) as file:
        return list(islice(file.rows(wanted), most))


def columns(mapper: RowMapper) -> dict[str, str]:
    """A row that holds what this mapping asks for."""
    return dict(rows_of(BOSTON / "boston311_2013_2017.csv.gz", mapper.columns(), most=1)[0].values)


def test_the_first_row_of_the_example_is_an_enquiry(mapper: RowMapper) -> None:
    mapped = mapper(2, columns(mapper))
    enquiry = mapped.enquiry
    assert enquiry.external_id
    assert enquiry.messages[0].occurred_at == enquiry.opened_at
    assert enquiry.touchpoint_key == mapped.touchpoint.key
    if enquiry.HasField("resolved_at"):
        assert enquiry.messages[1].in_reply_to == enquiry.messages[0].external_id
        assert enquiry.messages[1].occurred_at == enquiry.resolved_at


def test_times_are_read_in_the_zone_of_their_column(mapper: RowMapper) -> None:
    values = columns(mapper) | {"open_dt": "2015-01-02 03:04:05"}
    opened = mapper(2, values).enquiry.opened_at.ToDatetime(UTC)
    assert opened == datetime(2015, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize("column", ["open_dt", "source", "case_enquiry_id"])
def test_a_value_that_cannot_be_is_named_with_its_column(mapper: RowMapper, column: str) -> None:
    values = columns(mapper) | {column: "nonsense" if column != "case_enquiry_id" else ""}
    with pytest.raises(RowError) as refused:
        mapper(2, values)
    assert refused.value.column == column


def test_a_blank_customer_is_an_enquiry_without_one(mapper: RowMapper) -> None:
    mapped = mapper(2, columns(mapper) | {"site_id": ""})
    assert mapped.customer is None
    assert not mapped.enquiry.customer_external_id


def test_a_mapping_with_a_mistake_says_where(tmp_path: Path) -> None:
    text = (BOSTON / "mapping.toml").read_text()
    misspelt, no_zone = text.replace("time_zone", "time_zoen", 1), text.replace('"UTC"', '"Mars/Base"', 1)
    for content in ("not toml at all [", misspelt, no_zone):
        file = tmp_path / "mapping.toml"
        file.write_text(content)
        with pytest.raises(MappingError, match="mapping"):
            read_mapping(file)


def test_rows_come_from_csv_and_json_lines_plain_and_gzipped(tmp_path: Path) -> None:
    csv = "case_enquiry_id,source\n1,A\n2,B\n"
    lines = '{"case_enquiry_id": "1", "source": "A"}\n{"case_enquiry_id": "2", "source": "B"}\n'
    for name, content in (("rows.csv", csv), ("rows.jsonl", lines)):
        (tmp_path / name).write_text(content)
        with gzip.open(tmp_path / f"{name}.gz", "wt") as file:
            file.write(content)
        for path in (tmp_path / name, tmp_path / f"{name}.gz"):
            rows = rows_of(path, ["case_enquiry_id", "source"])
            assert [row.values["source"] for row in rows] == ["A", "B"]


def test_a_broken_line_is_one_rejected_row(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"a": "1"}\n{"a": \n{"a": "3"}\n')
    rows = rows_of(file, ["a"])
    assert [bool(row.error) for row in rows] == [False, True, False]
    assert rows[1].line == 2


def test_a_missing_column_and_a_missing_file_are_named(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(FileError, match="c"):
        rows_of(file, ["a", "c"])
    with pytest.raises(FileError, match=r"nothing\.csv"):
        rows_of(tmp_path / "nothing.csv", ["a"])


def test_each_row_of_the_san_francisco_file_is_an_enquiry_in_local_time() -> None:
    folder = BOSTON.parent / "sf311"
    mapper = RowMapper(read_mapping(folder / "mapping.toml"))
    rows = list(rows_of(folder / "sf311_2008_2018.csv.gz", mapper.columns()))
    assert len(rows) == 5030
    mapped = [mapper(number, row.values) for number, row in enumerate(rows)]
    keys = {one.enquiry.touchpoint_key for one in mapped}
    assert keys == {"phone", "web", "mobile-open311", "twitter", "integrated-agency", "other-department", "email"}
    first = next(row.values for row in rows if row.values["unique_key"] == "4547561")
    assert first["created_date"] == "2015-03-05 09:04:29+00:00"
    assert mapper(1, first).enquiry.opened_at.ToJsonString() == "2015-03-05T17:04:29Z"
