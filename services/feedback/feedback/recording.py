"""Writes feedback within the caller's transaction, and tells the others: the one way in for whoever brings it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chassis.caller import Caller
from chassis.ids import new_id
from chassis.mongo import Session, require_source
from chassis.outbox import Outbox
from services.feedback.alias.repository import MongoAliasRepository
from services.feedback.feedback.domain import Analysed, Draft, Feedback, steps
from services.feedback.feedback.outgoing import entries
from services.feedback.feedback.repository import MongoFeedbackRepository
from services.feedback.text.analysing import Reading
from services.feedback.topic.repository import MongoTopicRepository

PREFIX = "fbk"


class Recording:
    def __init__(
        self,
        feedback: MongoFeedbackRepository,
        topics: MongoTopicRepository,
        aliases: MongoAliasRepository,
        reading: Reading,
        outbox: Outbox,
    ) -> None:
        self._feedback = feedback
        self._topics = topics
        self._aliases = aliases
        self._reading = reading
        self._outbox = outbox

    async def analysed(self, caller: Caller, texts: Sequence[str | None], session: Session | None) -> list[Analysed]:
        return await self._reading.of(texts, await self._topics.all(caller, session))

    async def record(
        self,
        caller: Caller,
        drafts: Sequence[Draft],
        session: Session,
        analysed: Mapping[Draft, Analysed] | None = None,
    ) -> list[Feedback]:
        """As it is kept, in the order of the drafts: what is known by its source and external id stays as it is.

        analysed: what their texts say, where that was found out before. Forbidden: a partner writes in the name of its
        own sources only.
        """
        for draft in drafts:
            require_source(caller, draft.source)
        known = await self.known(caller, drafts, session)
        new = [draft for draft in drafts if (draft.source, draft.external_id) not in known]
        if analysed is None:
            found = await self.analysed(caller, [draft.text for draft in new], session)
        else:
            found = [analysed[draft] for draft in new]
        made = await self.held(
            caller,
            [steps.submitted(new_id(PREFIX), draft, one) for draft, one in zip(new, found, strict=True)],
            session,
        )
        await self._feedback.add(caller, made, session)
        await self._outbox.append(session, [entry for one in made for entry in entries(None, one)])
        fresh = iter(made)
        return [known.get((draft.source, draft.external_id)) or next(fresh) for draft in drafts]

    async def change(self, caller: Caller, pairs: Sequence[tuple[Feedback, Feedback]], session: Session) -> None:
        """pairs: before and after, each with the next version."""
        await self._feedback.save(caller, [after for _, after in pairs], session)
        await self._outbox.append(session, [entry for before, after in pairs for entry in entries(before, after)])

    async def known(
        self, caller: Caller, drafts: Sequence[Draft], session: Session
    ) -> dict[tuple[str, str | None], Feedback]:
        """By source and external id."""
        found: dict[tuple[str, str | None], Feedback] = {}
        for source in {draft.source for draft in drafts}:
            ids = [draft.external_id for draft in drafts if draft.source == source and draft.external_id]
            if ids:
                there = await self._feedback.of_external_ids(caller, source, ids, session)
                found |= {(source, id): one for id, one in there.items()}
        return found

    async def held(self, caller: Caller, feedback: Sequence[Feedback], session: Session) -> list[Feedback]:
        """Each with the golden id its source record has today, which no merge changes before the session commits."""
        records = {one.source_record: one.customer for one in feedback if one.source_record and one.customer}
        present = await self._aliases.hold(caller, records, session)
        return [replace(one, customer=present.get(one.source_record or "", one.customer)) for one in feedback]
