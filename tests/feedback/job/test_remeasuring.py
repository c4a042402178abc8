"""A changed calendar is carried through all enquiries, over a kill, and the figures follow."""

from itertools import pairwise

from rundblick.feedback.v1 import job_pb2
from rundblick.metrics.v1 import event_pb2
from rundblick.shared.v1 import page_pb2, verification_pb2

from chassis.mongo import Database
from tests.feedback.conftest import Running
from tests.feedback.serving import HOUR, MONDAY, Clock, Replica, calendar, policy, replica


async def told(database: Database) -> dict[tuple[str, str], list[event_pb2.Event]]:
    """By name and subject what metrics is to learn, in order."""
    found: dict[tuple[str, str], list[event_pb2.Event]] = {}
    async for entry in database["outbox"].find({"destination": "metrics"}).sort("sequence", 1):
        for event in event_pb2.IngestEventsRequest.FromString(entry["payload"]).events:
            found.setdefault((event.name, event.subject_id), []).append(event)
    return found


async def jobs(one: Replica) -> list[job_pb2.Job]:
    request = job_pb2.ListJobsRequest(page=page_pb2.PageRequest(first=10))
    return [edge.node for edge in (await one.call(request)).edges]


async def wrong(feedback: Running) -> set[str]:
    """What the self-check says of waits and promises."""
    request = verification_pb2.CheckBatchRequest(part="enquiries", size=100)
    answer = await feedback.verification.CheckBatch(request, timeout=20)
    return {difference.detail for difference in answer.differences if difference.what == "waits"}


async def test_a_changed_calendar_is_carried_through_and_corrects_what_was_told(feedback: Running) -> None:
    async with replica(feedback, Clock(MONDAY - 3 * HOUR)) as one:
        one.service.promising.remeasuring._at_once = 2
        await one.call(calendar(default=True))
        assert await one.service.promising.remeasuring.step()
        business = policy(targets=None)
        target = business.fields.targets.add(kind=1, seconds=3600, business=True)
        await one.call(business)
        ids = []
        for _ in range(5):
            opened = await one.opened()
            ids.append((await one.answered(opened.id, MONDAY + HOUR)).id)
        assert {level.state for level in [(await one.opened()).service_levels[0]]} == {1}, target
        await one.call(calendar(begin="07:00", default=True, version=1))
        await one.call(calendar(begin="07:00", default=True, version=2, name="The same hours"))
        assert await one.service.promising.remeasuring.step()
        running, *_ = await jobs(one)
        assert (running.state, running.done, running.total) == (job_pb2.JOB_STATE_RUNNING, 2, 6)
    # The process is gone; another one goes on from there.
    async with replica(feedback, Clock(MONDAY)) as other:
        while await other.service.promising.remeasuring.step():
            pass
        done, before = await jobs(other)
        assert [(job.state, job.subject) for job in (done, before)] == [(job_pb2.JOB_STATE_DONE, "office")] * 2
        assert (done.done, done.total) == (6, 6)
    assert await wrong(feedback) == set()
    spoilt = {"waits.$[wait].business_seconds": 1.0, "levels.0.due_at": MONDAY, "levels.0.met": True}
    filters = [{"wait.kind": "FIRST"}]
    await feedback.database["enquiries"].update_one({"_id": ids[0]}, {"$set": spoilt}, array_filters=filters)
    assert {detail.split(":FIRST:")[1].split()[1] for detail in await wrong(feedback)} == {
        "business_seconds:",
        "due_at:",
        "met:",
    }
    events = await told(feedback.database)
    for id in ids:
        [(_, of_wait)] = [(key, those) for key, those in events.items() if key[0] == "wait.first" and id in key[1]]
        assert [event.after.attributes["business_seconds"].number for event in of_wait[1:]] == [3600, 3 * 3600]
        assert "business_seconds" not in of_wait[0].after.attributes, "it was open"
        for event, following in pairwise(of_wait):
            assert following.before == event.after, "the old contribution goes out, the new one comes in"
        [judged] = [those for key, those in events.items() if key[0] == "service_level.judged" and id in key[1]]
        assert [event.after.attributes["met"].flag for event in judged] == [True, False]
        assert judged[1].before == judged[0].after
