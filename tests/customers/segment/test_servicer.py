"""Segments over the wire: what may be said, what a rule makes of it, who is picked, and who sees it."""

from rundblick.customers.v1 import campaign_pb2, employee_pb2, job_pb2
from rundblick.customers.v1 import segment_pb2 as pb
from rundblick.shared.v1 import money_pb2, page_pb2

from chassis.caller import Caller
from chassis.errors import AlreadyExists, Conflict, DomainError, Forbidden, InvalidInput, NotFound
from tests.callers import partner
from tests.commands import Commands
from tests.customers.conftest import NOBODY
from tests.customers.segment.serving import Segments

GERMAN = 'customer.locale == "de"'


async def test_a_rule_is_asked_of_everybody_and_then_on_every_change(segments: Segments) -> None:
    ann, ben, _ = [await segments.customer(locale) for locale in ("de", "de", "fr")]
    await segments.judged()
    german = await segments.define("german", GERMAN, expectations=["an answer in German"], description="Speaks it.")
    assert german.HasField("evaluation")
    assert (german.size, german.evaluation.state) == (0, job_pb2.JOB_STATE_WAITING)
    assert await segments.members(german.id) == [], "who was not yet asked stays as before"

    await segments.evaluated()
    found = await segments.get(german.id)
    assert (found.size, found.errors, found.HasField("evaluation")) == (2, 0, False)
    assert await segments.members(german.id) == sorted([ann, ben])
    (job,) = (await segments.call(job_pb2.ListJobsRequest())).edges
    assert (job.node.kind, job.node.state) == (job_pb2.JOB_KIND_SEGMENT_EVALUATION, job_pb2.JOB_STATE_DONE)
    assert (job.node.subject, job.node.done, job.node.total) == ("german", 3, 3)

    await segments.speaks(ann, "fr")
    await segments.judged()
    assert await segments.members(german.id) == [ben]
    assert await segments.segments(ann) == set()
    assert (await segments.get(german.id)).size == 1
    assert (await segments.told(ann), await segments.told(ben)) == (set(), {german.id})
    assert await segments.differences() == []


async def test_a_rule_that_has_no_result_leaves_the_customer_out_and_is_counted(segments: Segments) -> None:
    ann, ben = await segments.customer("de"), await segments.customer("fr")
    asking = 'customer.locale == "de" || needs.wishes[0] == "care"'
    segment = await segments.define("asking", asking)
    await segments.settled()
    found = await segments.get(segment.id)
    assert (await segments.members(segment.id), found.size, found.errors) == ([ann], 1, 1)
    await segments.speaks(ben, "de")
    await segments.judged()
    found = await segments.get(segment.id)
    assert (found.size, found.errors) == (2, 0)


_REFUSED: tuple[tuple[pb.SegmentFields, type[DomainError], tuple[str, ...]], ...] = (
    (pb.SegmentFields(key="No", name="x"), InvalidInput, ("key",)),
    (pb.SegmentFields(key="a", name=" "), InvalidInput, ("name",)),
    (pb.SegmentFields(key="a", name="x", rule='customer.local == "de"'), InvalidInput, ("rule",)),
    (pb.SegmentFields(key="a", name="x", rule="interactions.count"), InvalidInput, ("rule",)),
    (pb.SegmentFields(key="a", name="x", expectations=["good", ""]), InvalidInput, ("expectations", "1")),
    (
        pb.SegmentFields(key="a", name="x", target_market=pb.TargetMarket(region="")),
        InvalidInput,
        ("target_market", "region"),
    ),
    (pb.SegmentFields(key="a", name="x", owner_id=f"emp_{NOBODY}"), NotFound, ("owner_id",)),
)


async def test_what_cannot_be_kept_is_refused_with_its_place(segments: Segments) -> None:
    for said, kind, path in _REFUSED:
        fault = await segments.fault(pb.DefineSegmentRequest(fields=said))
        assert (type(fault), fault.path) == (kind, path)
        assert ("column" in fault.message) is (path == ("rule",))
    assert await segments.database["segments"].count_documents({}) == 0
    assert await segments.database["jobs"].count_documents({}) == 0


async def test_versions_keep_two_writers_apart_and_a_key_is_one_segment(segments: Segments) -> None:
    await segments.customer("de")
    first = await segments.define("german", GERMAN)
    said = pb.SegmentFields(key="german", name="German", rule=GERMAN)
    for version, kind in ((None, AlreadyExists), (7, Conflict)):
        assert isinstance(await segments.fault(pb.DefineSegmentRequest(fields=said, version=version)), kind)
    other = pb.SegmentFields(key="other", name="x")
    assert isinstance(await segments.fault(pb.DefineSegmentRequest(fields=other, version=1)), NotFound)
    picked = pb.SegmentFields(key="german", name="x")
    assert (await segments.fault(pb.DefineSegmentRequest(fields=picked, version=1))).path == ("rule",)

    again = pb.DefineSegmentRequest(fields=said, version=1, idempotency_key="k")
    second, third = [(await segments.call(again)).segment for _ in range(2)]
    assert (second.id, second.version) == (first.id, 2)
    assert second == third
    assert await segments.database["jobs"].count_documents({}) == 1, "the rule is as it was: nobody is asked anew"
    await segments.settled()

    archived = (await segments.call(pb.ArchiveSegmentRequest(id=first.id, version=2))).segment
    assert (archived.active, archived.version) == (False, 3)
    assert isinstance(await segments.fault(pb.ArchiveSegmentRequest(id=first.id, version=2)), Conflict)
    await segments.settled()
    assert (await segments.members(first.id), (await segments.get(first.id)).size) == ([], 0)
    await segments.define("german", GERMAN, version=3)
    await segments.settled()
    assert (await segments.get(first.id)).size == 1
    listed = await segments.call(pb.ListSegmentsRequest(active=True))
    assert [edge.node.fields.key for edge in listed.page.edges] == ["german"]
    assert (await segments.call(pb.FindSegmentRequest(key="german"))).segment.id == first.id


async def test_a_dry_run_says_who_would_come_and_go_and_changes_nothing(segments: Segments) -> None:
    for locale in ("de", "de", "fr", "it"):
        await segments.customer(locale)
    await segments.define("german", GERMAN)
    await segments.settled()
    said = pb.SegmentFields(key="german", name="x", rule='customer.locale in ["fr", "it"]')
    answer = await segments.call(pb.DefineSegmentRequest(fields=said, version=1, dry_run=True))
    assert answer.trial == pb.SegmentTrial(looked_at=4, enter=2, leave=2)
    assert not answer.HasField("segment")
    wider = pb.SegmentFields(key="german", name="x", rule='customer.locale in ["de", "fr"]')
    answer = await segments.call(pb.DefineSegmentRequest(fields=wider, version=1, dry_run=True))
    assert answer.trial == pb.SegmentTrial(looked_at=4, enter=1, stay=2)
    new = pb.SegmentFields(key="new", name="x", rule="needs.wishes[0] == 'care'")
    tried = await segments.call(pb.DefineSegmentRequest(fields=new, dry_run=True))
    assert tried.trial == pb.SegmentTrial(looked_at=4, errors=4)
    assert await segments.database["segments"].count_documents({}) == 1
    assert await segments.database["jobs"].count_documents({}) == 1


async def test_customers_are_picked_for_a_list_and_wrong_input_changes_nothing(segments: Segments) -> None:
    ann, ben = await segments.customer(), await segments.customer("fr")
    partners = await segments.define("invited")
    assert not partners.HasField("evaluation")
    nobody = f"cus_{NOBODY}"
    fault = await segments.fault(pb.AddToSegmentRequest(segment_id=partners.id, customer_ids=[ann, nobody]))
    assert (isinstance(fault, NotFound), fault.path) == (True, ("customer_ids", "1"))
    for ids, path in (([], ("customer_ids",)), ([ann] * 1001, ("customer_ids",))):
        assert (await segments.fault(pb.AddToSegmentRequest(segment_id=partners.id, customer_ids=ids))).path == path
    assert await segments.members(partners.id) == []
    assert await segments.database["segment_picks"].count_documents({}) == 0

    add = pb.AddToSegmentRequest(segment_id=partners.id, customer_ids=[ann, ben], idempotency_key="once")
    first, second = [await segments.call(add) for _ in range(2)]
    assert first == second
    assert (first.changed, first.segment.size) == (2, 2)
    assert await segments.add(partners.id, ann) == 0
    assert await segments.members(partners.id) == sorted([ann, ben])
    assert await segments.segments(ben) == {partners.id}
    await segments.settled()
    assert await segments.members(partners.id) == sorted([ann, ben])
    assert await segments.remove(partners.id, ben, ann) == 2
    assert await segments.remove(partners.id, ben) == 0
    await segments.settled()
    assert (await segments.get(partners.id)).size == 0
    assert (len((await segments.facts())[ann]), await segments.told(ann)) == (2, set())

    german = await segments.define("german", GERMAN)
    assert (await segments.fault(pb.AddToSegmentRequest(segment_id=german.id, customer_ids=[ann]))).path == (
        "segment_id",
    )
    absent = f"seg_{NOBODY}"
    assert isinstance(await segments.fault(pb.AddToSegmentRequest(segment_id=absent, customer_ids=[ann])), NotFound)
    await segments.call(pb.ArchiveSegmentRequest(id=partners.id, version=1))
    assert isinstance(
        await segments.fault(pb.AddToSegmentRequest(segment_id=partners.id, customer_ids=[ann])), InvalidInput
    )


async def test_pages_go_both_ways_and_show_whom_the_caller_sees(segments: Segments, commands: Commands) -> None:
    ann, ben = [
        (await segments.call(employee_pb2.CreateEmployeeRequest(display_name=name, team_key=team))).employee
        for name, team in (("Ann", "sales"), ("Ben", "service"))
    ]
    ids = sorted([await segments.customer("de", owner=(ann.id if number % 2 else ben.id)) for number in range(6)])
    german = await segments.define("german", GERMAN)
    await segments.settled()
    request = pb.BatchListSegmentCustomersRequest(segment_ids=[german.id], page=page_pb2.PageRequest(first=4))
    page = (await segments.call(request)).pages[german.id]
    assert [edge.customer_id for edge in page.edges] == ids[:4]
    assert page.page_info.has_next_page
    assert await segments.members(german.id, first=4, after=page.page_info.end_cursor) == ids[4:]
    assert await segments.members(german.id, last=2, before=page.page_info.end_cursor) == ids[1:3]

    scopes = {"customers:read:own", "segments:read"}
    own = Caller("a", frozenset(scopes), employee=ann.id, team=ann.team_id)
    team = Caller("b", frozenset({"customers:read:team", "segments:read"}), employee=ben.id, team=ben.team_id)
    of_ann = [id for id in ids if id in await _owned_by(segments, ann.id)]
    with commands.recorded():
        assert await segments.members(german.id, own) == of_ann
    assert len(commands.found) <= 2
    assert await commands.unindexed() == []
    with commands.recorded():
        assert await segments.members(german.id, team) == [id for id in ids if id not in of_ann]
    assert len(commands.found) <= 2
    assert await commands.unindexed() == []
    with commands.recorded():
        assert await segments.members(german.id, team, last=1) == [id for id in ids if id not in of_ann][-1:]
    assert await segments.segments(of_ann[0], own) == {german.id}
    assert await segments.segments(of_ann[0], team) == set()
    # Whose customer it is today counts, also before the membership says so.
    await segments.database["customers"].update_one({"_id": of_ann[0]}, {"$set": {"owner": ben.id}})
    assert await segments.members(german.id, own) == of_ann[1:]


async def _owned_by(segments: Segments, employee: str) -> set[str]:
    return {one["_id"] async for one in segments.database["customers"].find({"owner": employee})}


async def test_partners_learn_of_no_segment_and_whoever_lacks_the_scope_of_none(segments: Segments) -> None:
    ann = await segments.customer("de", source="shop")
    german = await segments.define("german", GERMAN)
    await segments.settled()
    shop = partner("shop")
    assert await segments.segments(ann, shop) == set()
    assert await segments.members(german.id, shop) == []
    for request in (
        pb.BatchGetSegmentsRequest(ids=[german.id]),
        pb.ListSegmentsRequest(),
        pb.FindSegmentRequest(key="german"),
        pb.AddToSegmentRequest(segment_id=german.id, customer_ids=[ann]),
        pb.RemoveFromSegmentRequest(segment_id=german.id, customer_ids=[ann]),
        pb.DefineSegmentRequest(fields=german.fields, version=1),
        pb.ArchiveSegmentRequest(id=german.id, version=1),
        job_pb2.ListJobsRequest(),
    ):
        assert isinstance(await segments.fault(request, shop), Forbidden), request
    reader = Caller("reader", frozenset({"customers:read"}))
    assert await segments.segments(ann, reader) == set()
    assert await segments.members(german.id, reader) == []


async def test_a_batch_costs_two_indexed_commands_at_most(segments: Segments, commands: Commands) -> None:
    ids = [await segments.customer("de") for _ in range(3)]
    defined = [await segments.define(key, GERMAN) for key in ("a", "b")]
    await segments.settled()
    for request, cost in (
        (pb.BatchGetSegmentsRequest(ids=[one.id for one in defined]), 1),
        (pb.BatchListCustomerSegmentsRequest(customer_ids=ids), 1),
        (pb.BatchListSegmentCustomersRequest(segment_ids=[one.id for one in defined]), 1),
        (pb.ListSegmentsRequest(active=True), 1),
        (pb.ListSegmentsRequest(), 1),
        (pb.FindSegmentRequest(key="a"), 1),
        (job_pb2.ListJobsRequest(), 1),
    ):
        with commands.recorded():
            await segments.call(request)
        assert len(commands.found) == cost, request
        assert await commands.unindexed() == [], request
    await segments.define("picked")
    await segments.define("again", GERMAN)
    with commands.recorded():
        await segments.evaluated()
    assert await commands.unindexed() == []
    answers = (await segments.call(pb.BatchGetSegmentsRequest(ids=[f"seg_{NOBODY}"]))).answers
    assert answers[f"seg_{NOBODY}"].error.code == "NOT_FOUND"


async def test_a_campaign_is_for_segments_that_are_there(segments: Segments) -> None:
    german = await segments.define("german", GERMAN)
    fields = campaign_pb2.CampaignFields(
        name="Spring",
        objective="Win back",
        starts_on="2026-03-01",
        ends_on="2026-03-31",
        budget=money_pb2.Money(amount="10", currency="EUR"),
        segment_ids=[german.id, f"seg_{NOBODY}"],
    )
    fault = await segments.fault(campaign_pb2.CreateCampaignRequest(fields=fields))
    assert (type(fault), fault.path) == (NotFound, ("segment_ids", "1"))
    fields.segment_ids.pop()
    campaign = (await segments.call(campaign_pb2.CreateCampaignRequest(fields=fields))).campaign
    assert list(campaign.segment_ids) == [german.id]
    wrong = campaign_pb2.CampaignFields(segment_ids=[f"seg_{NOBODY}"])
    update = campaign_pb2.UpdateCampaignRequest(id=campaign.id, version=1, fields=wrong, paths=["segment_ids"])
    assert (await segments.fault(update)).path == ("segment_ids", "0")
