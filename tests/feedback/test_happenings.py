"""What happens in feedback is told to webhooks, once, and what happened long ago is not."""

from datetime import timedelta

from rundblick.customers.v1 import webhook_pb2, webhook_pb2_grpc
from rundblick.feedback.v1 import enquiry_pb2, feedback_pb2, feedback_pb2_grpc, measure_pb2, measure_pb2_grpc

from chassis.channel import open_channel
from chassis.mongo import Session, in_transaction
from chassis.times import to_timestamp, utc_now
from services.feedback.stream.outgoing import changed
from tests.feedback.conftest import Running

ALL = [number for number in webhook_pb2.WebhookEvent.values() if number]


async def test_what_happens_is_told_by_ids_alone(feedback: Running) -> None:
    async with open_channel(feedback.customers_address) as channel:
        webhooks = webhook_pb2_grpc.WebhookServiceStub(channel)
        endpoint = webhook_pb2.CreateWebhookEndpointRequest(url="http://127.0.0.1:1/x", events=ALL)
        await webhooks.CreateWebhookEndpoint(endpoint, timeout=10)
        message = enquiry_pb2.NewMessage(body="Secret words")
        opening = enquiry_pb2.OpenEnquiryRequest(
            subject="Secret", customer_id=feedback.customer, touchpoint_key="form", message=message
        )
        enquiry = (await feedback.call(opening)).enquiry.id
        await feedback.call(enquiry_pb2.ResolveEnquiryRequest(id=enquiry))
        # Years ago: brought in, and no news.
        former = enquiry_pb2.OpenEnquiryRequest(subject="Old", opened_at=to_timestamp(utc_now() - timedelta(days=400)))
        await feedback.call(former)
        said = feedback_pb2.SubmitFeedbackRequest(text="More colours, please", touchpoint_key="form")
        given = await feedback_pb2_grpc.FeedbackServiceStub(feedback.channel).SubmitFeedback(said, timeout=10)
        fields = measure_pb2.MeasureFields(title="Colours", kind=measure_pb2.MEASURE_KIND_PRODUCT)
        create = measure_pb2.CreateMeasureRequest(fields=fields, status=measure_pb2.MEASURE_STATUS_INTRODUCED)
        measure = await measure_pb2_grpc.MeasureServiceStub(feedback.channel).CreateMeasure(create, timeout=10)

        async def wait(session: Session) -> None:
            await feedback.service._outbox.append(session, changed("waiting", enquiry, source="rundblick"))

        await in_transaction(feedback.database, wait)
        await feedback.delivered()
        request = webhook_pb2.ListWebhookNotificationsRequest(state=webhook_pb2.WEBHOOK_NOTIFICATION_STATE_QUEUED)
        told = [edge.node.happening for edge in (await webhooks.ListWebhookNotifications(request, timeout=10)).edges]
    assert {(webhook_pb2.WebhookEvent.Name(one.event), one.subject_id) for one in told} == {
        ("WEBHOOK_EVENT_ENQUIRY_OPENED", enquiry),
        ("WEBHOOK_EVENT_ENQUIRY_RESOLVED", enquiry),
        ("WEBHOOK_EVENT_ENQUIRY_WAITING", enquiry),
        ("WEBHOOK_EVENT_FEEDBACK_RECEIVED", given.feedback.id),
        ("WEBHOOK_EVENT_MEASURE_INTRODUCED", measure.measure.id),
    }
    assert len(told) == 5
    assert {one.customer_id for one in told if one.event == webhook_pb2.WEBHOOK_EVENT_ENQUIRY_OPENED} == {
        feedback.customer
    }
