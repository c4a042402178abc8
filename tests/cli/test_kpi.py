"""rundblick kpi and rundblick export on a running system."""

import csv
import json
import re
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from cli.exporting import Wanted
from cli.system import System, running_system
from tests.cli.test_command import one_line, rundblick

pytestmark = pytest.mark.timeout(240)

EXAMPLES = Path(__file__).parents[2] / "examples" / "kpis"
BEGAN = datetime(2026, 1, 5, 9, tzinfo=UTC)


def _record(system: System, events: list[dict[str, Any]]) -> dict[str, Any]:
    query = """mutation($input: RecordEventsInput!) { recordEvents(input: $input) {
      accepted known userErrors { code message path } } }"""
    body = httpx.post(f"{system.endpoint}/graphql", json={"query": query, "variables": {"input": {"events": events}}})
    payload: dict[str, Any] = body.json()["data"]["recordEvents"]
    return payload


def _deliveries(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"d{number}",
            "name": "delivery.completed",
            "after": {
                "startedAt": (BEGAN + timedelta(days=number)).isoformat(),
                "dimensions": [{"dimension": "plant", "value": "=Ulm" if number % 2 else "Celle"}],
                "attributes": {"on_time": number % 4 != 0, "complete": True},
                "customer": f"cus_{number % 3}",
            },
        }
        for number in range(count)
    ]


def _listed(at: tuple[str, str], key: str) -> str:
    (line,) = [line for line in rundblick("kpi", "list", *at).stdout.splitlines() if f" {key} " in line]
    return line


def test_a_set_of_kpis_is_shown_applied_counted_and_exported(tmp_path: Path) -> None:
    manufacturing = str(EXAMPLES / "manufacturing.yaml")
    with running_system(tmp_path / "data") as system:
        at = ("--endpoint", system.endpoint)
        dry = rundblick("kpi", "apply", manufacturing, *at, "--dry-run")
        assert "events delivery.completed: declared" in dry.stdout
        assert "urgent_first_response_time: new" in dry.stdout
        assert "complaints_per_delivery: tried when complaints is defined" in dry.stdout
        unknown = _record(system, _deliveries(1))
        assert unknown["userErrors"][0]["path"] == ["input", "events", "0", "name"]

        applied = rundblick("kpi", "apply", manufacturing, *at, "--yes")
        assert applied.returncode == 0, applied.stderr
        assert "on_time_in_full is at version 1" in applied.stdout
        assert "nothing to change" in rundblick("kpi", "apply", manufacturing, *at, "--yes").stdout
        assert rundblick("kpi", "apply", str(EXAMPLES / "it-services.yaml"), *at, "--yes").returncode == 0
        shown = rundblick("kpi", "show", "urgent_first_response_time", *at).stdout
        assert re.search(r"version\W+2\b", shown)

        assert _record(system, _deliveries(20)) == {"accepted": 20, "known": 0, "userErrors": []}
        assert _record(system, _deliveries(21))["known"] == 20
        changed = tmp_path / "changed.yaml"
        text = (EXAMPLES / "manufacturing.yaml").read_text()
        changed.write_text(text.replace("value: event.on_time && event.complete", "value: event.on_time"))
        said = rundblick("kpi", "apply", str(changed), *at, "--yes").stdout
        assert "value: event.on_time && event.complete -> event.on_time" in said
        assert "it counts 21" in said
        end = time.monotonic() + 30
        while " all " not in _listed(at, "on_time_in_full"):
            assert time.monotonic() < end
            time.sleep(0.1)

        period = ("--from", "2026-01-01", "--to", "2026-03-01")
        file = tmp_path / "figures.csv"
        done = rundblick("export", "kpi", "on_time_in_full", *period, "--by", "plant", "-o", str(file), *at)
        assert "2 rows in" in done.stdout
        rows = {row["plant"]: row for row in csv.DictReader(file.read_text().splitlines())}
        assert rows.keys() == {"Celle", "'=Ulm"}, "no spreadsheet takes it for a formula"
        assert rows["Celle"]["n"] == "11"
        assert float(rows["Celle"]["value"]) == pytest.approx(5 / 11)
        lines = rundblick("export", "kpi", "deliveries", *period, "--every", "month", "--format", "jsonl", *at).stdout
        assert [json.loads(line)["value"] for line in lines.splitlines()] == [21.0, 0.0]
        cells = rundblick("export", "kpi", "deliveries", *period, "--cells", *at).stdout
        assert sum(int(row["n"]) for row in csv.DictReader(cells.splitlines())) == 21

        assert "is archived" in rundblick("kpi", "archive", "quoted_amount", *at).stdout
        assert "derived" in one_line(rundblick("kpi", "archive", "deliveries", *at))
        assert "no KPI nothing" in one_line(rundblick("export", "kpi", "nothing", *period, *at))
        assert rundblick("verify", *at).returncode == 0


def test_a_file_with_a_mistake_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "kpis.yaml"
    good = "- {key: good, name: G, unit: '1', direction: HIGHER_IS_BETTER, aggregation: COUNT, event: wait.first}\n"
    with running_system(tmp_path / "data") as system:
        at = ("--endpoint", system.endpoint)
        for text, says in (
            (good + good.replace("good", "bad").replace("event: wait.first", "event: wait.first, filter: event.nope"),
             "kpis.yaml: KPI bad: filter: line 1, column 6: undefined field 'nope'"),
            (good + good.replace("COUNT", "AVERAGE"), "AVERAGE"),
            (good.replace("good,", "good, unknown: 1,"), "unknown"),
            ("- just a text", "a list of objects"),
            ("a: [", "kpis.yaml"),
        ):  # fmt: skip
            file.write_text(text)
            assert says in one_line(rundblick("kpi", "apply", str(file), *at, "--yes"))
        assert "no KPI good" in one_line(rundblick("kpi", "show", "good", *at))
    assert "does not answer" in one_line(rundblick("kpi", "list", "--endpoint", "http://127.0.0.1:9"))


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("UTC", "2026-01-05T00:00:00+00:00", "2026-01-06T00:00:00+00:00"),
        ("Europe/Berlin", "2026-01-04T23:00:00+00:00", "2026-01-05T23:00:00+00:00"),
        ("America/New_York", "2026-01-05T05:00:00+00:00", "2026-01-06T05:00:00+00:00"),
        ("Pacific/Kiritimati", "2026-01-04T10:00:00+00:00", "2026-01-05T10:00:00+00:00"),
    ],
)
def test_a_day_begins_where_figures_are_reported(zone: str, start: str, end: str) -> None:
    found = Wanted("enquiries", date(2026, 1, 5), date(2026, 1, 6)).moments(ZoneInfo(zone))
    assert [moment.isoformat() for moment in found] == [start, end]


def test_a_day_on_which_clocks_are_changed_is_not_24_hours_long() -> None:
    start, end = Wanted("enquiries", date(2026, 3, 29), date(2026, 3, 30)).moments(ZoneInfo("Europe/Berlin"))
    assert end - start == timedelta(hours=23)


def test_days_named_on_the_command_line_are_those_of_the_reporting_zone(tmp_path: Path) -> None:
    """In New York the 5th of January lasts from 05:00 to 05:00 of Greenwich."""
    moments = {
        "the last of the 4th": "2026-01-05T04:59:59Z",
        "the first of the 5th": "2026-01-05T05:00:00Z",
        "the last of the 5th": "2026-01-06T04:59:59Z",
        "the first of the 6th": "2026-01-06T05:00:00Z",
    }
    with running_system(tmp_path / "data", env={"RUNDBLICK_REPORTING_ZONE": "America/New_York"}) as system:
        at = ("--endpoint", system.endpoint)
        events = [
            {
                "id": id,
                "name": "enquiry.opened",
                "source": "shop",
                "after": {"startedAt": moment, "dimensions": [{"dimension": "source", "value": "shop"}]},
            }
            for id, moment in moments.items()
        ]
        assert _record(system, events) == {"accepted": 4, "known": 0, "userErrors": []}
        everything = ("export", "kpi", "enquiries", "--from", "2026-01-01", "--to", "2026-02-01", *at)
        end = time.monotonic() + 30
        while [row["n"] for row in csv.DictReader(rundblick(*everything).stdout.splitlines())] != ["4"]:
            assert time.monotonic() < end
            time.sleep(0.1)

        def exported(*more: str) -> list[dict[str, str]]:
            day = ("--from", "2026-01-05", "--to", "2026-01-06")
            done = rundblick("export", "kpi", "enquiries", *day, *more, *at)
            assert done.returncode == 0, done.stderr
            return list(csv.DictReader(done.stdout.splitlines()))

        for more in ((), ("--every", "day"), ("--by", "source"), ("--every", "day", "--by", "source")):
            (row,) = exported(*more)
            begin, end_of_day = (datetime.fromisoformat(row[name]) for name in ("start", "end"))
            assert begin == datetime(2026, 1, 5, 5, tzinfo=UTC), more
            assert end_of_day == datetime(2026, 1, 6, 5, tzinfo=UTC), more
            assert row["n"] == "2", more
        assert [(cell["day"], cell["n"]) for cell in exported("--cells")] == [("2026-01-05", "2")]
