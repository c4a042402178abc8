"""Comparisons over the wire: from events to a verdict in words, with every number of a sentence a field."""

import random
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import MessageToDict
from rundblick.metrics.v1 import change_pb2, comparison_pb2, event_pb2, kpi_pb2

from chassis.caller import Caller
from chassis.times import to_timestamp
from services.metrics.comparison.words import CODES, ENGLISH, GERMAN, shown
from tests.metrics.conftest import NOW, Running, Serve, event, observation

CHANGE = datetime(2026, 4, 1, tzinfo=UTC)
BEGIN = CHANGE - timedelta(days=500)
LENGTH = timedelta(days=30)


def facts(*, factor: float, per_day: int = 3, seed: int = 1, touchpoint: str = "tou_1") -> Iterator[event_pb2.Event]:
    """Waits of 561 days, `factor` as long from the change on; one of nine is never answered."""
    rng = random.Random(seed)  # noqa: S311  # a seed, no secret
    for number in range(561 * per_day):
        at = BEGIN + timedelta(days=number / per_day, seconds=rng.random() * 3600)
        length = rng.lognormvariate(10.5, 0.8) * (factor if at >= CHANGE else 1.0)
        dimensions = {"source": "shop", "touchpoint": touchpoint, "category": f"c{number % 2}"}
        seconds = None if number % 9 == 0 or at + timedelta(seconds=length) > NOW else length
        yield event(f"{touchpoint}-{number}", observation(seconds, at=at, dimensions=dimensions))


def period(start: datetime, end: datetime) -> kpi_pb2.Period:
    return kpi_pb2.Period(start=to_timestamp(start), end=to_timestamp(end))


def request(**fields: Any) -> comparison_pb2.ComparePeriodsRequest:
    asked: dict[str, Any] = {
        "kpi": "first_response_time",
        "baseline": period(CHANGE - LENGTH, CHANGE),
        "current": period(CHANGE, CHANGE + LENGTH),
    } | fields
    return comparison_pb2.ComparePeriodsRequest(**asked)


async def compared(metrics: Running, **fields: Any) -> comparison_pb2.Comparison:
    answer = await metrics.comparisons.ComparePeriods(request(**fields), timeout=30, metadata=metrics.metadata)
    found: comparison_pb2.Comparison = answer.comparison
    return found


@pytest.fixture
async def half(metrics: Running) -> Running:
    """The first touchpoint halves its waits, the second one does not."""
    await metrics.ingest(*facts(factor=0.4))
    await metrics.ingest(*facts(factor=1.0, seed=2, touchpoint="tou_2"))
    await metrics.fold()
    return metrics


FIRST = [kpi_pb2.DimensionFilter(dimension="touchpoint", values=["tou_1"])]


async def test_from_events_to_a_verdict(half: Running) -> None:
    found = await compared(half, where=FIRST, stratify_by=[])
    assert comparison_pb2.Verdict.Name(found.verdict) == "VERDICT_IMPROVED"
    assert found.effect.upper < 0
    assert (found.test, found.measure) == ("MANN_WHITNEY", comparison_pb2.EFFECT_MEASURE_OPEN_DELTA)
    assert found.n_baseline == found.baseline.n > 20
    assert found.open_aware.follow_up_days == 31
    assert found.placebo.dates > 50
    assert found.HasField("control"), "the other touchpoint"
    assert found.control.upper < 0


async def test_where_nothing_happened_nothing_is_found(half: Running) -> None:
    second = [kpi_pb2.DimensionFilter(dimension="touchpoint", values=["tou_2"])]
    found = await compared(half, where=second)
    assert found.verdict == comparison_pb2.VERDICT_NO_EVIDENCE


async def test_strata_are_named_and_adjusted(half: Running) -> None:
    found = await compared(half, stratify_by=["touchpoint"])
    by_touchpoint = {one.key[0].value: one for one in found.strata}
    assert sorted(by_touchpoint) == ["tou_1", "tou_2"]
    assert by_touchpoint["tou_1"].p_holm < 0.01
    assert by_touchpoint["tou_2"].p_holm > 0.05
    assert found.HasField("within_strata")
    assert found.HasField("mix_shift")


@pytest.mark.parametrize("language", [ENGLISH, GERMAN])
async def test_each_number_in_a_sentence_is_a_field(half: Running, language: str) -> None:
    for fields in (
        {"where": FIRST},
        {"stratify_by": ["touchpoint"]},
        {"baseline": period(CHANGE - timedelta(3), CHANGE)},
    ):
        found = await compared(half, language=language, **fields)
        known = set(_numbers(MessageToDict(found, always_print_fields_with_no_presence=True), language))
        assert found.because
        for message in (*found.because, *found.warnings):
            for number in re.findall(r"-?\d[\d.,]*(?:e-?\d+)?(?: %)?", message.text):
                assert number.rstrip(".,") in known, f"{number} of {message.text!r} is no field"
    assert found.because[0].text != ""


def _numbers(value: Any, language: str) -> Iterator[str]:
    """Every number of the answer as a sentence may show it: as it is, rounded, or in percent."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key != "parameters":
                yield from _numbers(one, language)
    elif isinstance(value, list):
        for one in value:
            yield from _numbers(one, language)
    elif isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        yield value
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        for name in ("effect", "share", "dates"):
            yield shown(name, float(value), language)


async def test_both_languages_say_the_same_codes(half: Running) -> None:
    english, german = [await compared(half, where=FIRST, language=one) for one in (ENGLISH, GERMAN)]
    assert [one.code for one in english.because] == [one.code for one in german.because]
    assert english.because[0].text != german.because[0].text
    assert english.because[0].parameters == german.because[0].parameters
    assert {one.code for one in english.because} <= CODES | {"MEASURE_OPEN_DELTA"}


async def test_as_of_a_past_day_only_what_had_happened_counts(half: Running) -> None:
    at_once = await compared(half, where=FIRST, as_of=to_timestamp(CHANGE + timedelta(days=20)))
    assert at_once.open_aware.follow_up_days == 0
    later = await compared(half, where=FIRST)
    assert at_once.n_current < later.n_current


async def test_other_kinds_of_figures_are_compared_too(half: Running) -> None:
    share = await compared(half, kpi="first_response_time_within_target", where=FIRST)
    assert (share.test, share.measure) == ("TWO_PROPORTIONS", comparison_pb2.EFFECT_MEASURE_SHARE)
    assert share.verdict in (comparison_pb2.VERDICT_IMPROVED, comparison_pb2.VERDICT_NO_EVIDENCE)
    assert share.difference.value > 0
    nothing = await compared(half, kpi="enquiries")
    assert nothing.verdict == comparison_pb2.VERDICT_INSUFFICIENT_DATA


async def test_a_day_that_both_share_by_alignment_belongs_to_neither(half: Running) -> None:
    noon = CHANGE + timedelta(hours=12)
    found = await compared(half, baseline=period(noon - LENGTH, noon), current=period(noon, noon + LENGTH))
    assert found.baseline.period.end.ToDatetime(UTC) == CHANGE
    assert found.current.period.start.ToDatetime(UTC) == CHANGE + timedelta(days=1)


async def refused(metrics: Running, code: grpc.StatusCode, text: str, **fields: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await compared(metrics, **fields)
    assert raised.value.code() is code
    assert text in (raised.value.details() or "")


async def test_what_cannot_be_compared_is_refused(metrics: Running) -> None:
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    await refused(metrics, invalid, "overlap", current=period(CHANGE - timedelta(days=5), CHANGE + LENGTH))
    await refused(metrics, invalid, "is not kept by", stratify_by=["weather"])
    await refused(metrics, grpc.StatusCode.NOT_FOUND, "there is no KPI", kpi="nonsense")
    await refused(metrics, invalid, "a period has a start and an end", baseline=kpi_pb2.Period())


async def test_by_employee_needs_the_scope(serve: Serve) -> None:
    async with serve(Caller(subject="anna", scopes=frozenset({"metrics:read"}))) as metrics:
        await refused(metrics, grpc.StatusCode.PERMISSION_DENIED, "metrics:employees", stratify_by=["employee"])


async def changed(metrics: Running, **fields: Any) -> str:
    said: dict[str, Any] = {"name": "New chat tool", "kind": change_pb2.CHANGE_KIND_TOOL}
    asked = {**said, "introduced_at": to_timestamp(CHANGE), **fields}
    answer = await metrics.changes.RecordChange(change_pb2.RecordChangeRequest(**asked), timeout=10)
    return str(answer.change.id)


async def effect(metrics: Running, id: str, days: int = 30) -> comparison_pb2.Comparison:
    asked = comparison_pb2.CompareChangeRequest(change_id=id, kpi="first_response_time", days=days)
    answer: comparison_pb2.CompareChangeResponse = await metrics.comparisons.CompareChange(asked, timeout=30)
    return answer.comparison


async def test_the_effect_of_a_change_has_the_other_touchpoints_as_control(half: Running) -> None:
    tou = "tou_01ARZ3NDEKTSV4RRFFQ69G5FAV"
    await half.ingest(*facts(factor=0.4, seed=3, touchpoint=tou))
    await half.fold()
    id = await changed(half, touchpoint_ids=[tou])
    found = await effect(half, id)
    assert found.HasField("control")
    assert found.effect.upper < 0
    assert found.baseline.period.end == found.current.period.start
    everywhere = await effect(half, await changed(half, name="New script"))
    assert not everywhere.HasField("control")
    (named,) = [one for one in everywhere.warnings if one.code == "OTHER_CHANGES"]
    assert "New chat tool" in named.text


async def test_the_day_of_a_change_in_its_middle_belongs_to_neither_side(half: Running) -> None:
    found = await effect(half, await changed(half, introduced_at=to_timestamp(CHANGE + timedelta(hours=9))))
    assert found.baseline.period.end.ToDatetime(UTC) == CHANGE
    assert found.current.period.start.ToDatetime(UTC) == CHANGE + timedelta(days=1)


@pytest.mark.parametrize(
    ("id", "days", "code"),
    [
        ("chg_01ARZ3NDEKTSV4RRFFQ69G5FAV", 30, grpc.StatusCode.NOT_FOUND),
        ("chg_01ARZ3NDEKTSV4RRFFQ69G5FAV", 3, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_an_unknown_change_and_an_odd_window_are_refused(
    metrics: Running, id: str, days: int, code: grpc.StatusCode
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await effect(metrics, id, days)
    assert raised.value.code() is code
