"""What metrics must learn of a campaign: what was planned, so that it can be held against what came of it."""

from rundblick.metrics.v1 import campaign_pb2 as pb

from chassis.outbox import Entry
from services.customers.attribution.domain import Attribution
from services.customers.campaign.domain import RUNNING, Campaign
from services.customers.campaign.messages import money_to_proto

METRICS = "metrics"
PLANS = "plans"


def entry(campaign: Campaign, attribution: Attribution) -> Entry:
    payload = pb.PutPlansRequest(plans=[plan(campaign, attribution)]).SerializeToString()
    return Entry(METRICS, campaign.id, campaign.version, PLANS, payload)


def plan(campaign: Campaign, attribution: Attribution) -> pb.Plan:
    goal = campaign.goal
    return pb.Plan(
        campaign_id=campaign.id,
        version=campaign.version,
        running=campaign.status in RUNNING,
        starts_on=campaign.starts_on.isoformat(),
        ends_on=campaign.ends_on.isoformat(),
        budget=money_to_proto(campaign.budget),
        goal=pb.Goal(kpi=goal.kpi, target=goal.target, due_on=goal.due_on.isoformat()) if goal else None,
        attribution_rule=attribution.rule.value,
        attribution_days=attribution.days,
    )
