"""What was put aside, and why, as messages."""

from rundblick.feedback.v1 import mail_pb2 as pb

from chassis.batches import item_error
from chassis.errors import Fault
from chassis.times import to_timestamp
from services.feedback.mail.domain import Parked


def parked_to_proto(parked: Parked) -> pb.ParkedMail:
    return pb.ParkedMail(
        id=parked.id, mailbox=parked.mailbox, uid=parked.uid, why=parked.why, at=to_timestamp(parked.at)
    )


def rejected(line: int, fault: Fault) -> pb.RejectedMail:
    return pb.RejectedMail(line=line, error=item_error(fault))
