"""rundblick report: its arithmetic and pictures alone, then the whole of it on a running system."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from cli.report_html import as_html
from cli.report_model import (
    Effect,
    Figure,
    Look,
    Month,
    Point,
    Report,
    ReportFault,
    Side,
    Subject,
    adjusted,
    as_data,
    holm,
    settled,
    usable_p,
)
from cli.report_pictures import Effects, Row, Span, Tick, Timeline, effects, step_of, timeline
from cli.report_terminal import sparkline
from cli.report_words import VERDICTS, WORDS, Language, clean
from cli.system import System, running_system
from tests.cli.test_command import one_line, rundblick

pytestmark = pytest.mark.timeout(240)

HOSTILE = '</title><script>alert("1")</script>&\x1b[31m\u202e\x00'
SVG = "{http://www.w3.org/2000/svg}"
MONTH = Month(2025, 5)


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314  # made here


def a_timeline(points: Sequence[tuple[date, float | None]], target: float | None = None, name: str = "N") -> Timeline:
    spans = [Span(name, date(2025, 5, 1), date(2025, 6, 1), points[-1][1] if points else None, "now")]
    ticks = [Tick(date(2024, 6, 1), name)]
    return Timeline(name, name, date(2024, 5, 1), date(2025, 6, 1), points, spans, ticks, target, name, "no values")


def a_look(verdict: str, p: float | None, *, against: str = "previousMonth", because: str = "So.") -> Look:
    return Look(
        against,
        verdict,
        because,
        Side(30, 7_200.0),
        Side(40, 3_600.0),
        "DELTA",
        Effect(-0.5, -0.7, -0.3),
        p_value=p,
        p=p,
    )


def a_report(looks: Mapping[str | None, Sequence[Look]], name: str = "Waiting", unit: str = "s") -> Report:
    weeks = [date(2025, 3, 3) + timedelta(days=7 * week) for week in range(9)]
    series = tuple(Point(day, day + timedelta(days=7), 5, 3_600.0 * place) for place, day in enumerate(weeks))
    subjects = tuple(Subject(key, name if key else "All", tuple(those)) for key, those in looks.items())
    figure = Figure("waiting", name, name, unit, "LOWER_IS_BETTER", "QUANTILE", 7_200.0, series, subjects)
    return Report(MONTH, "en", "UTC", True, date(2025, 7, 2), date(2025, 7, 2), (figure,))


@pytest.mark.parametrize(("month", "back", "there"), [("2026-01", 1, "2025-12"), ("2024-02", 12, "2023-02")])
def test_months_are_counted_over_years(month: str, back: int, there: str) -> None:
    assert str(Month.parse(month).plus(-back)) == there
    assert Month.parse(there).plus(back) == Month.parse(month)
    assert Month.parse("2024-02").days == 29


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "26-10", "2026-1", "October", "2026-10-01", "0001-01", ""])
def test_what_is_no_month_is_said_so(text: str) -> None:
    with pytest.raises(ReportFault, match="is not a month"):
        Month.parse(text)


def test_a_month_stays_as_it_is_31_days_after_its_end_which_is_never_within_the_next_one() -> None:
    assert settled(Month(2025, 5)) == date(2025, 7, 2)
    for count in range(48):
        month = Month(2024, 1).plus(count)
        assert settled(month) >= month.plus(2).first


def test_p_values_are_adjusted_step_by_step_in_the_order_given() -> None:
    """The example of Holm (1979), which R's p.adjust gives as 0.03, 0.06, 0.06, 0.02."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_p_value_of_few_draws_gives_way_to_the_effect_in_standard_deviations() -> None:
    assert usable_p("DAY_BLOCK_BOOTSTRAP", 0.0033, -5.0) == pytest.approx(5.733e-7, rel=1e-3)
    assert usable_p("DAY_BLOCK_BOOTSTRAP", 0.0033, None) == 0.0033
    assert usable_p("MANN_WHITNEY", 0.0033, 0.9) == 0.0033
    assert usable_p(None, None, None) is None


def test_a_finding_that_does_not_survive_so_many_looks_is_no_evidence() -> None:
    others = [a_look("NO_EVIDENCE", 0.5) for _ in range(20)]
    report = adjusted(a_report({None: [a_look("IMPROVED", 0.001), a_look("WORSENED", 0.004), *others]}))
    better, worse, *_ = report.looks
    assert [better.p_adjusted, worse.p_adjusted] == pytest.approx([0.022, 0.084])
    assert [(look.shown, look.fell) for look in (better, worse)] == [("IMPROVED", False), ("NO_EVIDENCE", True)]
    assert "worse" in Language("en").notes(worse)[0]


def test_what_has_no_p_value_is_not_counted_and_finds_nothing() -> None:
    report = adjusted(a_report({None: [a_look("IMPROVED", None), a_look("IMPROVED", 0.03)]}))
    assert (len(report.looks), report.tested) == (2, 1)
    assert [look.shown for look in report.looks] == ["NO_EVIDENCE", "IMPROVED"]


def test_a_verdict_that_claims_nothing_stays() -> None:
    report = adjusted(a_report({None: [a_look("CONFLICTING", 0.9), a_look("INSUFFICIENT_DATA", 0.9)]}))
    assert [look.shown for look in report.looks] == ["CONFLICTING", "INSUFFICIENT_DATA"]


def test_everything_is_said_in_both_languages_with_the_same_numbers() -> None:
    for name, (english, german) in WORDS.items():
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", german)), name


@pytest.mark.parametrize(
    ("language", "seconds", "text"),
    [
        ("en", 0.25, "0.25 s"), ("en", 59.4, "59 s"), ("en", 59.7, "1 min"), ("en", 3_600, "1 h"),
        ("en", 93_600, "1 d 2 h"), ("en", 86_399, "1 d"), ("de", 93_600, "1 T 2 Std"), ("de", -5_400, "−1 Std 30 min"),
        ("en", 0, "0 s"),
    ],
)  # fmt: skip
def test_durations_are_said_in_their_two_largest_parts(language: str, seconds: float, text: str) -> None:
    assert Language(language).duration(seconds) == text


@pytest.mark.parametrize(
    ("language", "number", "text"),
    [("en", 1234.5, "1,234"), ("de", 1234.5, "1.234"), ("de", 0.12345, "0,123"), ("en", -0.5, "−0.5"),
     ("en", 49.96, "50"), ("en", 0.0, "0"), ("en", -0.0, "0"), ("en", 50.0, "50"), ("de", -2_000_000, "−2.000.000")],
)  # fmt: skip
def test_numbers_are_written_as_in_the_language(language: str, number: float, text: str) -> None:
    assert Language(language).number(number) == text


@pytest.mark.parametrize(
    ("effect", "measure", "text"),
    [(0.033, "DELTA", "+0.033"), (-0.5, "OPEN_DELTA", "−0.5"), (0.0, "DELTA", "0"), (0.0953, "LOG_RATE", "+10 %"),
     (-0.021, "SHARE", "−2.1 pp"), (5_400.0, "DIFFERENCE", "+1 h 30 min")],
)  # fmt: skip
def test_an_effect_is_written_with_its_sign_and_in_what_people_think_in(effect: float, measure: str, text: str) -> None:
    figure = a_report({None: []}).figures[0]
    assert Language("en").of_effect(effect, measure, figure) == text


def test_a_name_cannot_move_the_cursor_or_turn_writing_around() -> None:
    assert clean(HOSTILE) == '</title><script>alert("1")</script>& [31m'


def test_a_sparkline_has_a_sign_for_each_value_and_for_each_gap() -> None:
    assert sparkline([0.0, None, 7.0, 14.0]) == "▁·▅█"
    assert sparkline([3.0, 3.0]) == "▄▄"
    assert sparkline([None]) == "·"
    assert not sparkline([])


@pytest.mark.parametrize("count", [0, 1, 2, 57])
def test_a_picture_over_time_is_well_formed_however_many_values_there_are(count: int) -> None:
    points = [(date(2024, 5, 3) + timedelta(days=7 * place), 3.0 * place) for place in range(count)]
    root = parsed(timeline("k0", a_timeline(points), str))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "k0-t k0-d"
    assert [root[0].tag, root[1].tag] == [f"{SVG}title", f"{SVG}desc"]
    assert len(root.findall(f"{SVG}circle")) == (count == 1)
    assert len(root.findall(f"{SVG}polyline")) == (count > 1)
    assert ("no values" in [text.text for text in root.iter(f"{SVG}text")]) == (count == 0)


def test_a_week_without_a_value_is_a_gap_in_the_line() -> None:
    values = [1.0, 2.0, None, 3.0, None, 4.0, 5.0]
    points = [(date(2024, 5, 3) + timedelta(days=7 * place), value) for place, value in enumerate(values)]
    root = parsed(timeline("k0", a_timeline(points), str))
    assert [len((line.get("points") or "").split()) for line in root.findall(f"{SVG}polyline")] == [2, 2]
    assert len(root.findall(f"{SVG}circle")) == 1


def test_a_target_is_a_line_and_far_above_everything_only_a_name() -> None:
    points = [(date(2024, 5, 3), 4.0), (date(2024, 5, 10), 5.0)]
    for target, lines, said in ((6.0, 1, "N"), (600.0, 0, "N ↑")):
        root = parsed(timeline("k0", a_timeline(points, target), str))
        assert len([one for one in root.findall(f"{SVG}line") if one.get("class") == "target"]) == lines
        assert [one.text for one in root.iter(f"{SVG}text") if one.get("class") == "target-label"] == [said]


def test_everything_drawn_lies_within_the_picture() -> None:
    points = [(date(2024, 1, 1), -7.0), (date(2024, 9, 1), 1e9), (date(2026, 1, 1), 3.0)]
    root = parsed(timeline("k0", a_timeline(points, -9.0), str))
    _, _, width, height = map(float, (root.get("viewBox") or "").split())
    for line in root.findall(f"{SVG}polyline"):
        for x, y in (point.split(",") for point in (line.get("points") or "").split()):
            assert 0 <= float(x) <= width
            assert 0 <= float(y) <= height


@pytest.mark.parametrize(("reach", "durations", "step"), [
    (9.0, False, 5.0), (0.9, False, 0.5), (3.0, False, 1.0), (5_400.0, True, 1_800.0), (300_000.0, True, 172_800.0),
    (0.3, True, 0.1),
])  # fmt: skip
def test_marks_of_an_axis_are_at_numbers_people_use(reach: float, durations: bool, step: float) -> None:
    assert step_of(reach, durations=durations) == pytest.approx(step)


def test_effects_are_drawn_with_a_shape_of_its_own_for_each_verdict() -> None:
    rows = [Row(HOSTILE, verdict, f"says {verdict}", 0.1, -0.2, 0.4) for verdict in VERDICTS]
    picture = effects(
        "k0", Effects(HOSTILE, HOSTILE, [*rows, Row("b", "NO_EVIDENCE", "", None, None, None)], "<", ">"), str
    )
    root = parsed(picture)
    *groups, last = root.findall(f"{SVG}g")
    assert [group.get("class") for group in groups[:2]] == ["improved", "worsened"]
    assert all(any(child.get("class") == "mark" for child in group) for group in groups)
    assert all(child.get("class") != "mark" for child in last), "nothing is drawn where there is no effect"
    assert "script" not in {child.tag.removeprefix(SVG) for child in root.iter()}
    points = [polygon.get("points") for polygon in root.iter(f"{SVG}polygon")]
    assert len(set(points)) == 3, "better, worse and conflicting"


@pytest.mark.parametrize("rows", [[], [Row("a", "NO_EVIDENCE", "", 0.0, 0.0, 0.0)]])
def test_effects_of_nothing_and_of_zero_are_drawn(rows: list[Row]) -> None:
    assert len(parsed(effects("k0", Effects("T", "D", rows, "l", "r"), str)).findall(f"{SVG}g")) == len(rows)


def pictures_of(page: str) -> list[ET.Element]:
    return [parsed(svg) for svg in re.findall(r"<svg .*?</svg>", page, re.DOTALL)]


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_page_escapes_every_name_and_needs_nothing_from_outside(language: str) -> None:
    year = a_look("NO_EVIDENCE", 0.4, against="yearBefore", because=HOSTILE)
    report = a_report(
        {None: [a_look("IMPROVED", 0.001), year], HOSTILE: [a_look("WORSENED", 0.001), year]}, HOSTILE, HOSTILE
    )
    page = as_html(adjusted(report), Language(language))
    assert f'<html lang="{language}">' in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r'(src|href)="(?!#)|url\(|@import', page)
    assert set(re.findall(r"https?://[^\s\"]+", page)) == {"http://www.w3.org/2000/svg"}
    assert len(pictures_of(page)) == 3
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    # Well-formed as a whole, once what HTML closes by itself is taken away.
    body = re.sub(r"<meta [^>]*>", "", page.removeprefix("<!DOCTYPE html>\n"))
    assert parsed(body).tag == "html"


def test_a_page_without_figures_says_so() -> None:
    report = Report(MONTH, "en", "UTC", False, None, settled(MONTH), ())
    page = as_html(report, Language("en"))
    assert "Nothing has any data" in page
    assert "not over yet" in page
    assert "Asked for from 2025-07-02 on" in page
    assert as_data(report)["kpis"] == []


# ------------------------------------------------------------------------------------------- on a running system

DEFINITIONS = """
events:
  - {name: handover.done, description: Something was handed over., unit: s}
kpis:
  - {key: handover_time, name: "Handover <b>time</b>", unit: s, direction: LOWER_IS_BETTER, event: handover.done,
     aggregation: QUANTILE, quantile: 0.5, target: {value: 32400}, dimensionSets: [[touchpoint]]}
  - {key: handovers, name: Handovers, unit: "1", direction: HIGHER_IS_BETTER, event: handover.done, aggregation: COUNT,
     dimensionSets: []}
  - {key: handovers_in_time, name: In time, unit: "1", direction: HIGHER_IS_BETTER, aggregation: RATE,
     of: [handover_time]}
  - {key: time_per_handover, name: Time per handover, unit: s, direction: LOWER_IS_BETTER, aggregation: RATIO,
     of: [handover_time, handovers]}
"""
PHONE = 'Phone & <i>"co"</i>'
BEGAN, ENDED = date(2024, 4, 1), date(2025, 6, 1)


def handovers() -> list[dict[str, Any]]:
    """At the counter they take 10 to 15 hours, and 2 to 7 in the reported month; at the phone all stays as it was."""
    events = []
    for day in range((ENDED - BEGAN).days):
        at = datetime(BEGAN.year, BEGAN.month, BEGAN.day, 9, tzinfo=UTC) + timedelta(days=day)
        shorter = 8 if at.date() >= MONTH.first else 0
        for number in range(5):
            noise = (5 * day + 3 * number + day // 7) % 6
            touchpoint, hours = ("counter", 10 + noise - shorter) if number < 3 else (PHONE, 5 + noise)
            after = {
                "startedAt": at.isoformat(),
                "value": 3600.0 * hours,
                "dimensions": [{"dimension": "touchpoint", "value": touchpoint}],
            }
            events.append({"id": f"h{day}-{number}", "name": "handover.done", "after": after})
    nowhere = {"startedAt": "2025-05-05T09:00:00Z", "value": 3600.0}
    return [*events, {"id": "nowhere", "name": "handover.done", "after": nowhere}]


def record(system: System) -> None:
    """And wait until all of it is counted."""
    events = handovers()
    mutation = (
        "mutation($input: RecordEventsInput!) { recordEvents(input: $input) { accepted userErrors { message } } }"
    )
    query = "query($keys: [String!], $period: PeriodInput!) { kpis(keys: $keys) { result(period: $period) { n } } }"
    variables = {
        "keys": ["handover_time", "handovers", "handovers_in_time"],
        "period": {"start": f"{BEGAN}T00:00:00Z", "end": f"{ENDED}T00:00:00Z"},
    }
    with httpx.Client(base_url=system.endpoint, timeout=30) as client:

        def ask(query: str, **variables: Any) -> Any:
            return client.post("/graphql", json={"query": query, "variables": variables}).json()["data"]

        accepted = ask(mutation, input={"events": events})["recordEvents"]
        assert accepted == {"accepted": len(events), "userErrors": []}
        while {kpi["result"]["n"] for kpi in ask(query, **variables)["kpis"]} != {len(events)}:
            pass


def test_a_month_is_reported_in_three_formats_and_twice_the_same(tmp_path: Path) -> None:
    definitions = tmp_path / "kpis.yaml"
    definitions.write_text(DEFINITIONS)
    with running_system(tmp_path / "data") as system:
        at = ("--endpoint", system.endpoint)
        assert rundblick("kpi", "apply", str(definitions), *at, "--yes").returncode == 0
        record(system)
        asked = ("report", "--month", str(MONTH), *at)
        written: dict[str, str] = {}
        for format in ("terminal", "html", "json"):
            files = [tmp_path / f"{number}.{format}" for number in range(2)]
            for file in files:
                done = rundblick(*asked, "--format", format, "--output", str(file))
                assert done.returncode == 0, done.stderr
            assert files[0].read_bytes() == files[1].read_bytes()
            written[format] = files[0].read_text("utf-8")

        report = json.loads(written["json"])
        assert report["comparedWith"] == {"previousMonth": "2025-04", "yearBefore": "2024-05"}
        assert (report["asOf"], report["looks"]) == ("2025-07-02", 20)
        kpis = {kpi["key"]: kpi for kpi in report["kpis"]}
        own = ["handover_time", "handovers", "handovers_in_time", "time_per_handover"]
        assert list(kpis) == own, "no other has anything in the month"
        rows = {row["touchpoint"]: row["comparisons"] for row in kpis["handover_time"]["rows"]}
        assert list(rows) == [None, "counter", PHONE, ""]
        assert kpis["handover_time"]["rows"][-1]["name"] == "not known"
        assert {one["shown"] for one in rows[""]} == {"INSUFFICIENT_DATA"}
        previous = rows["counter"][0]
        assert (previous["with"], previous["verdict"], previous["shown"]) == ("previousMonth", "IMPROVED", "IMPROVED")
        assert previous["because"].startswith("Better: ")
        assert previous["pAdjusted"] < 0.05
        assert (previous["then"]["n"], previous["now"]["n"]) == (90, 93)
        assert previous["now"]["value"] < previous["then"]["value"]
        assert {one["shown"] for one in rows[PHONE]}.isdisjoint({"IMPROVED", "WORSENED"})
        assert [row["touchpoint"] for row in kpis["handovers"]["rows"]] == [None], "it is not kept by touchpoint"
        assert [row["touchpoint"] for row in kpis["handovers_in_time"]["rows"]] == list(rows)
        (ratio,) = kpis["time_per_handover"]["rows"]
        assert {one["shown"] for one in ratio["comparisons"]} == {"NOT_COMPARABLE"}
        assert "does not add up" in ratio["comparisons"][0]["because"]
        weeks = kpis["handover_time"]["weeks"]
        assert (len(weeks), weeks[0]["start"], weeks[-1]["end"]) == (55, "2024-05-06", "2025-05-26"), "whole ones"

        page = written["html"]
        assert "▲ better" in page
        assert "Handover &lt;b&gt;time&lt;/b&gt;" in page
        assert "<b>" not in page
        assert len(pictures_of(page)) == 10
        assert "20 comparisons were made" in written["terminal"]
        assert "▲ better" in written["terminal"]

        german = rundblick(*asked, "--language", "de", "--kpi", "handover_time", "--format", "html").stdout
        assert "Bericht für Mai 2025" in german
        assert "Besser: Der Effekt ist" in german
        assert "▲ besser" in german
        assert "Better: " not in german
        assert "▲ better" not in german

        assert "2025-13 is not a month" in one_line(rundblick("report", "--month", "2025-13", *at))
        assert "2999-01 lies in the future" in one_line(rundblick("report", "--month", "2999-01", *at))
        assert "no KPI nothing" in one_line(rundblick(*asked, "--kpi", "nothing"))
        empty = rundblick("report", "--month", "2020-01", *at)
        assert "Nothing has any data in this month." in empty.stdout
    assert "does not answer" in one_line(rundblick("report", "--month", "2025-05", "--endpoint", "http://127.0.0.1:9"))
