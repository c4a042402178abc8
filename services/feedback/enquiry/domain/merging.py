"""Which enquiries may be merged, and what they are then: one conversation, counted once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis.errors import InvalidInput
from services.feedback.enquiry.domain.facts import Enquiry, Message, Reason, WrongStep
from services.feedback.enquiry.domain.steps import again, excluded, require_unmerged

MOST_DUPLICATES = 50
_INTO, _DUPLICATES = ("into_id",), ("duplicate_ids",)


@dataclass(frozen=True, slots=True)
class Merging:
    """kept: the same enquiry as before when nothing was left to merge. merged: pairs of before and after."""

    kept: Enquiry
    merged: tuple[tuple[Enquiry, Enquiry], ...] = ()
    moved: tuple[Message, ...] = ()

    def judged(self, judge: Callable[[Enquiry], Enquiry]) -> "Merging":
        """With all of them measured and judged anew."""
        return replace(
            self, kept=judge(self.kept), merged=tuple((before, judge(after)) for before, after in self.merged)
        )


def require_few(into: str, duplicates: Sequence[str]) -> None:
    if not 1 <= len(duplicates) <= MOST_DUPLICATES:
        raise InvalidInput(f"1 to {MOST_DUPLICATES} duplicates are merged at once", _DUPLICATES)
    if into in duplicates:
        raise InvalidInput(f"{into} is no duplicate of itself", _DUPLICATES)


def merge(
    into: Enquiry,
    duplicates: Sequence[Enquiry],
    conversations: Mapping[str, Sequence[Message]],
    at: datetime,
    by: str | None,
) -> Merging:
    """The messages of the duplicates move to `into`, each with the source record it came in for.

    conversations: the messages of each enquiry. InvalidInput, WrongStep, Merged: these do not belong together.
    """
    require_unmerged(into, _INTO)
    if into.derived.excluded is not None:
        raise WrongStep(into.id, f"excluded as {into.derived.excluded.value}", "merged into", _INTO)
    fresh = [duplicate for duplicate in duplicates if duplicate.merged_into != into.id]
    for duplicate in fresh:
        _require_alike(into, duplicate)
    if not fresh:
        return Merging(into)
    moved = [_moved(message, into) for duplicate in fresh for message in conversations[duplicate.id]]
    # Contacts are told with the version of their enquiry: that of the one they belong to now must be the newest.
    newest = replace(into, version=max(one.version for one in (into, *fresh)))
    kept = again(newest, [*conversations[into.id], *moved])
    return Merging(kept, tuple((one, _merged(one, into.id, at, by)) for one in fresh), tuple(moved))


def _require_alike(into: Enquiry, duplicate: Enquiry) -> None:
    require_unmerged(duplicate, _DUPLICATES)
    if duplicate.derived.excluded not in (None, Reason.DUPLICATE):
        raise WrongStep(duplicate.id, f"excluded as {duplicate.derived.excluded.value}", "merged", _DUPLICATES)
    if duplicate.source != into.source:
        raise InvalidInput(f"{duplicate.id} came in through another source than {into.id}", _DUPLICATES)
    if duplicate.customer not in (None, into.customer):
        whose = "of another customer than" if into.customer else "of a customer, and nobody knows whose is"
        raise InvalidInput(f"{duplicate.id} is {whose} {into.id}", _DUPLICATES)


def _moved(message: Message, into: Enquiry) -> Message:
    return replace(
        message,
        enquiry=into.id,
        merged_from=message.merged_from or message.enquiry,
        source_record=message.source_record or into.source_record,
    )


def _merged(duplicate: Enquiry, into: str, at: datetime, by: str | None) -> Enquiry:
    known = duplicate.derived.excluded is Reason.DUPLICATE
    after = again(duplicate, ()) if known else excluded(duplicate, (), Reason.DUPLICATE, at, by)
    return replace(after, merged_into=into)
