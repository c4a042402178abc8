"""Service levels over gRPC: what is refused and where, from when they hold, and the queue of what is due."""

from typing import Any

from rundblick.feedback.v1 import enquiry_pb2
from rundblick.feedback.v1 import policy_pb2 as pb
from rundblick.shared.v1 import page_pb2

from tests.commands import Commands
from tests.feedback.conftest import Running
from tests.feedback.serving import HOUR, MONDAY, Clock, Replica, policy, replica

FIRST = enquiry_pb2.WAIT_KIND_FIRST


def target(kind: Any = FIRST, seconds: float = 3600, **fields: Any) -> pb.PolicyTarget:
    return pb.PolicyTarget(kind=kind, seconds=seconds, **fields)


async def test_what_is_wrong_is_said_with_its_place_and_changes_nothing(feedback: Running) -> None:
    wrong: list[tuple[dict[str, Any], tuple[str, ...]]] = [
        ({"key": "Gold!"}, ("key",)),
        ({"name": ""}, ("name",)),
        ({"targets": []}, ("targets",)),
        ({"targets": [target(), target()]}, ("targets",)),
        ({"targets": [target(), target(enquiry_pb2.WAIT_KIND_UNSPECIFIED)]}, ("targets", "1", "kind")),
        ({"targets": [target(seconds=0)]}, ("targets", "0", "seconds")),
        ({"targets": [target(seconds=float("inf"))]}, ("targets", "0", "seconds")),
        ({"targets": [target(seconds=400 * 86400)]}, ("targets", "0", "seconds")),
        ({"at_risk_share": 1.5}, ("at_risk_share",)),
        ({"condition": ""}, ("condition",)),
        ({"condition": "enquiry.colour == 'red'"}, ("condition",)),
    ]
    async with replica(feedback, Clock()) as one:
        for fields, path in wrong:
            assert await one.refused(policy(**fields)) == ("INVALID", path), fields
        assert await one.refused(policy(version=1)) == ("NOT_FOUND", ("key",))
        assert not (await one.call(pb.ListPoliciesRequest())).policies


async def test_each_wait_is_judged_by_the_version_that_held_when_it_began(feedback: Running) -> None:
    clock = Clock()
    async with replica(feedback, clock) as one:
        before = await one.opened(subject="before anything was promised")
        clock.at += HOUR
        gold = await one.define_policy(condition='enquiry.priority == "URGENT"')
        assert await one.refused(policy()) == ("ALREADY_EXISTS", ("key",))
        rest = await one.define_policy("rest", order=1, targets=[target(seconds=9 * 3600)])
        assert await one.refused(policy("rest", version=5)) == ("CONFLICT", ("version",))
        urgent = await one.opened(priority=enquiry_pb2.PRIORITY_URGENT)
        normal = await one.opened()
        assert [level.policy_id for level in (*urgent.service_levels, *normal.service_levels)] == [gold.id, rest.id]
        clock.at += HOUR
        again = await one.define_policy(version=1, targets=[target(seconds=60)])
        assert (again.id, again.version) == (gold.id, 2)
        later = await one.opened()
        assert [(level.policy_version, level.target_seconds) for level in later.service_levels] == [(2, 60)]
        seen = {one.id: one for one in await found(one, urgent.id, before.id, normal.id)}
        assert [level.target_seconds for level in seen[urgent.id].service_levels] == [4 * 3600], (
            "what was promised stays"
        )
        assert list(seen[before.id].service_levels) == []
        # Its priority was wrong: what is promised for such enquiries holds, as of when it began.
        changed = enquiry_pb2.UpdateEnquiryRequest(id=normal.id, priority=enquiry_pb2.PRIORITY_URGENT)
        assert [level.policy_id for level in (await one.call(changed)).enquiry.service_levels] == [gold.id]
        clock.at += HOUR
        archived = (await one.call(pb.ArchivePolicyRequest(id=gold.id, version=2))).policy
        assert (archived.active, archived.version) == (False, 3)
        assert await one.refused(pb.ArchivePolicyRequest(id="slp_x", version=1)) == ("NOT_FOUND", ("id",))
        [level] = (await one.opened()).service_levels
        assert level.policy_id == rest.id
        listed = [(await one.call(pb.ListPoliciesRequest(active=active))).policies for active in (True, False)]
        assert [[one.id for one in those] for those in listed] == [[rest.id], [gold.id]]
        assert await feedback.database["jobs"].count_documents({}) == 0
        # One that held before: all are judged anew.
        await one.define_policy(version=3, since=MONDAY - HOUR)
        assert await one.service.promising.remeasuring.step()
        [judged] = await found(one, before.id)
        assert [level.policy_version for level in judged.service_levels] == [4]
        assert judged.version == before.version + 1


async def found(one: Replica, *ids: str) -> list[enquiry_pb2.Enquiry]:
    answers = (await one.call(enquiry_pb2.BatchGetEnquiriesRequest(ids=ids))).answers
    return [answers[id].value for id in ids]


async def test_the_queue_is_in_the_order_in_which_promises_run_out(feedback: Running, commands: Commands) -> None:
    clock = Clock()
    async with replica(feedback, clock) as one:
        await one.call(policy())
        await one.call(policy("urgent", condition='enquiry.priority == "URGENT"', order=-1, targets=[target()]))
        due = []
        for hour, priority in ((0, "NORMAL"), (1, "NORMAL"), (1, "URGENT"), (3, "URGENT")):
            clock.at = MONDAY + hour * HOUR
            due.append((await one.opened(priority=enquiry_pb2.Priority.Value(f"PRIORITY_{priority}"))).id)
        done = await one.opened()
        await one.answered(done.id, clock.at)
        first, second, third, fourth = due
        expected = [third, first, fourth, second]  # due after 2, 4, 4 and 5 hours

        async def queue(first: int = 10, after: str | None = None, **filter: Any) -> Any:
            request = enquiry_pb2.ListEnquiriesRequest(
                page=page_pb2.PageRequest(first=first, after=after),
                filter=enquiry_pb2.EnquiryFilter(**filter),
                order_by=enquiry_pb2.ENQUIRY_ORDER_DUE,
            )
            with commands.recorded():
                answer = await one.call(request)
            assert len(commands.found) == 1
            assert await commands.unindexed() == []
            return answer

        whole = await queue()
        assert [edge.node.id for edge in whole.edges] == expected
        page = await queue(2)
        rest = await queue(5, page.page_info.end_cursor)
        assert [edge.node.id for edge in (*page.edges, *rest.edges)] == expected
        clock.at = MONDAY + 3.9 * HOUR
        cases: list[tuple[dict[str, Any], list[str]]] = [
            ({"missed": True}, [third]),
            ({"at_risk": True}, [first, fourth]),
            ({"missed": False}, [first, fourth, second]),
            ({"at_risk": False}, [third, second]),
            ({"at_risk": True, "missed": True}, []),
        ]
        for filter, ids in cases:
            assert [edge.node.id for edge in (await queue(**filter)).edges] == ids, filter
