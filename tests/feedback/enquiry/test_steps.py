"""What may be done with an enquiry, and what it contributes to the figures then."""

from dataclasses import replace

import pytest
from rundblick.customers.v1 import interaction_pb2, signal_pb2
from rundblick.metrics.v1 import event_pb2

from services.feedback.enquiry.domain import steps
from services.feedback.enquiry.domain.facts import (
    AuthorKind,
    Enquiry,
    Message,
    Reason,
    StaleVersion,
    Status,
    WrongStep,
)
from services.feedback.enquiry.domain.observations import contributions
from services.feedback.enquiry.outgoing import entries
from tests.feedback.enquiry.test_waits import at, customer, employee, said

NEW = Enquiry("enq_1", "shop", "Question", at(0), touchpoint="tou_1", channel="WEB_FORM", customer="cus_1")


def opened(*messages: Message) -> tuple[Enquiry, list[Message]]:
    return steps.opened(NEW, messages), list(messages)


def states(enquiry: Enquiry) -> dict[str, str]:
    return {name: observation.state for (name, _), observation in contributions(enquiry).items()}


def test_a_step_that_the_status_does_not_allow_is_refused_by_name() -> None:
    enquiry, messages = opened(customer(0))
    resolved = steps.resolved(enquiry, messages, at(5))
    with pytest.raises(WrongStep, match="enq_1 is RESOLVED: it cannot be resolved"):
        steps.resolved(resolved, messages, at(6))
    with pytest.raises(WrongStep, match="cannot be reopened"):
        steps.reopened(enquiry, messages, at(6))
    closed = steps.closed(resolved, messages, at(7))
    with pytest.raises(WrongStep):
        steps.closed(closed, messages, at(8))
    with pytest.raises(WrongStep):
        steps.set_status(closed, messages, Status.PENDING, at(8))
    excluded = steps.excluded(enquiry, messages, Reason.SPAM, at(9))
    with pytest.raises(WrongStep, match="excluded as SPAM"):
        steps.reopened(excluded, messages, at(10))


def test_a_change_made_from_an_old_version_is_refused() -> None:
    enquiry, messages = opened(customer(0))
    later = steps.resolved(enquiry, messages, at(5))
    steps.require_version(later, 2)
    with pytest.raises(StaleVersion, match="at version 2, the change was made from version 1"):
        steps.require_version(later, 1)


def test_an_open_wait_is_received_and_open() -> None:
    enquiry, _ = opened(customer(0))
    assert states(enquiry) == {
        "wait.first": "OPEN",
        "resolution.first": "OPEN",
        "resolution.total": "OPEN",
        "enquiry.opened": "COMPLETE",
    }


def test_the_total_resolution_is_the_sum_of_all_cycles() -> None:
    enquiry, messages = opened(customer(0), employee(5))
    enquiry = steps.resolved(enquiry, messages, at(10))
    enquiry = steps.reopened(enquiry, messages, at(100))
    assert states(enquiry)["resolution.total"] == "OPEN"
    enquiry = steps.resolved(enquiry, messages, at(130))
    values = {name: observation.value for (name, _), observation in contributions(enquiry).items()}
    assert values["resolution.first"] == 600
    assert values["resolution.total"] == 600 + 1800


def test_what_is_not_known_is_no_dimension() -> None:
    enquiry, _ = opened(customer(0))
    (first,) = (o for (name, _), o in contributions(enquiry).items() if name == "wait.first")
    assert dict(first.dimensions) == {"source": "shop", "touchpoint": "tou_1", "channel": "WEB_FORM"}


def test_an_excluded_enquiry_counts_as_excluded_alone() -> None:
    enquiry, messages = opened(customer(0), employee(5))
    excluded = steps.excluded(enquiry, messages, Reason.SPAM, at(9))
    assert set(states(excluded).values()) == {"EXCLUDED"}
    assert {observation.reason for observation in contributions(excluded).values()} == {"SPAM"}


def test_the_others_are_told_what_changed_and_nothing_else() -> None:
    enquiry, messages = opened(customer(0), said(AuthorKind.SYSTEM, 1), employee(2, internal=True))
    to_customers, to_state, to_metrics = entries(None, enquiry, messages)
    (signal,) = signal_pb2.RecordSignalsRequest.FromString(to_state.payload).signals
    assert (signal.id, signal.version, signal.enquiry.open) == (enquiry.id, enquiry.version, True)
    recorded = interaction_pb2.RecordInteractionsRequest.FromString(to_customers.payload).interactions
    assert [interaction.id for interaction in recorded] == [messages[0].id.replace("msg", "int")]
    assert recorded[0].direction == interaction_pb2.DIRECTION_INBOUND
    assert len(event_pb2.IngestEventsRequest.FromString(to_metrics.payload).events) == 4

    answer = employee(30)
    answered = steps.again(enquiry, [*messages, answer])
    to_customers, to_metrics = entries(enquiry, answered, [answer])
    (event,) = event_pb2.IngestEventsRequest.FromString(to_metrics.payload).events
    assert event.name == "wait.first"
    assert event.id.endswith(f"/{answered.version}")
    assert event.before.state == event_pb2.OBSERVATION_STATE_OPEN
    assert (event.after.state, event.after.value) == (event_pb2.OBSERVATION_STATE_COMPLETE, 1800)
    assert (to_metrics.aggregate, to_metrics.sequence) == ("enq_1", 2)

    relabelled = steps.again(replace(answered, category="parts"), [*messages, answer])
    (only,) = entries(answered, relabelled, [])
    assert len(event_pb2.IngestEventsRequest.FromString(only.payload).events) == 4
    assert entries(answered, steps.again(answered, [*messages, answer]), []) == []
