"""How far a job is, and when it will be over."""

from datetime import UTC, datetime, timedelta

from services.customers.job.domain import Job, Kind, State

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_job_says_when_it_is_done_as_soon_as_anything_is() -> None:
    waiting = Job("job_1", Kind.SEGMENT_EVALUATION, "german", "seg_1")
    assert waiting.forecast(BEGAN) is None
    running = waiting.begun(1_000, BEGAN)
    assert running.forecast(BEGAN + timedelta(seconds=1)) is None
    half = running.advanced(500, "cus_5")
    assert half.forecast(BEGAN + timedelta(seconds=20)) == BEGAN + timedelta(seconds=40)
    # Two hundred came while it ran, and were asked as well.
    assert half.advanced(700, "cus_9").total == 1_200
    over = half.advanced(700, "cus_9").finished(BEGAN + timedelta(seconds=50))
    assert (over.state, over.done, over.total, over.after) == (State.DONE, 1_200, 1_200, "cus_9")
    assert over.forecast(BEGAN + timedelta(seconds=60)) is None


def test_customers_who_were_merged_meanwhile_are_not_waited_for() -> None:
    over = Job("job_1", Kind.SEGMENT_EVALUATION, "german", "seg_1").begun(10, BEGAN).advanced(8, "").finished(BEGAN)
    assert (over.done, over.total) == (8, 8)
