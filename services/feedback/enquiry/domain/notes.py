"""Who sees and writes internal notes: what colleagues tell each other of an enquiry."""

from chassis.caller import Caller
from chassis.errors import Forbidden

NOTES = "enquiries:notes"


def sees_notes(caller: Caller) -> bool:
    """Partners never do, whatever scopes they hold."""
    return caller.sources is None and caller.may(NOTES)


def require_notes(caller: Caller) -> None:
    if not sees_notes(caller):
        raise Forbidden(f"internal notes need the scope {NOTES}", ("visibility",))
