"""How the rows of a file become feedback, by a mapping in TOML, and the batches in which they are sent."""

from collections.abc import Iterator

from rundblick.customers.v1 import customer_pb2, reference_pb2, signal_pb2
from rundblick.feedback.v1 import feedback_pb2 as pb

from cli.cells import Cells, columns, name_of
from cli.importing import Batch, Rejected
from cli.mapping import RowError, slug
from cli.record_mapping import Moment, RecordMapping, Source, Strict
from cli.rows import RowFile

_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class ScoreColumns(Strict):
    """kind: NPS, CSAT or CES. lowest, highest: of the scale; the usual one of its kind, when left out."""

    kind: Source
    value: Source
    lowest: Source | None = None
    highest: Source | None = None


class FeedbackMapping(RecordMapping):
    """customer: the id in the source; blank: nobody knows. touchpoint: a key. Without a kind the text says it."""

    external_id: Source
    received_at: Moment
    kind: Source | None = None
    text: Source | None = None
    score: ScoreColumns | None = None
    solicited: Source | None = None
    customer: Source | None = None
    customer_name: Source | None = None
    touchpoint: Source | None = None
    team: Source | None = None
    service: Source | None = None


def feedback_batches(file: RowFile, mapping: FeedbackMapping, size: int) -> Iterator[Batch]:
    """The rows as requests of at most `size` of them; rows that cannot be mapped are rejected here."""
    batch = _fresh(1, mapping)
    known: set[tuple[str, str]] = set()
    for row in file.rows(columns(mapping)):
        batch.read += 1
        try:
            if row.error:
                raise RowError("", row.error)
            _add(batch.request, known, row.line, mapping, Cells(mapping, row.values))
        except RowError as error:
            batch.rejected.append(Rejected(row.line, error.column, error.reason))
        if batch.read >= size:
            batch.position = file.position
            number = batch.request.batch
            yield batch
            batch = _fresh(number + 1, mapping)
            known.clear()
    batch.position = file.position
    if batch.read:
        yield batch


def _fresh(number: int, mapping: FeedbackMapping) -> Batch:
    return Batch(pb.ImportFeedbackRequest(batch=number, source=mapping.source), 0, 0)


def _kind(source: Source | None, cells: Cells) -> pb.FeedbackKind.ValueType:
    if source is None or not cells.text(source):
        return pb.FEEDBACK_KIND_UNSPECIFIED
    kind: pb.FeedbackKind.ValueType = cells.word(source, pb.FeedbackKind, "FEEDBACK_KIND")
    return kind


def _add(
    request: pb.ImportFeedbackRequest, known: set[tuple[str, str]], line: int, mapping: FeedbackMapping, cells: Cells
) -> None:
    """known: what the request refers to already, each kind by its key."""
    said = pb.ImportedFeedback(
        line=line,
        external_id=cells.required(mapping.external_id),
        kind=_kind(mapping.kind, cells),
        text=cells.text(mapping.text),
        score=_score(mapping.score, cells),
        solicited=_flag(mapping.solicited, cells),
        service=cells.text(mapping.service),
        customer_external_id=cells.text(mapping.customer),
        touchpoint_key=cells.text(mapping.touchpoint),
    )
    said.received_at.FromDatetime(cells.instant(mapping.received_at))
    team = cells.text(mapping.team)
    if team is not None:
        said.team_key = slug(team) or team
        if _is_new(known, "team", said.team_key):
            request.teams.append(reference_pb2.TeamReference(key=said.team_key, create_name=team))
    if said.customer_external_id and _is_new(known, "customer", said.customer_external_id):
        request.customers.append(_customer(said.customer_external_id, cells.text(mapping.customer_name)))
    if said.touchpoint_key and _is_new(known, "touchpoint", said.touchpoint_key):
        request.touchpoints.append(reference_pb2.TouchpointReference(key=said.touchpoint_key))
    request.feedback.append(said)


def _is_new(known: set[tuple[str, str]], kind: str, key: str) -> bool:
    new = (kind, key) not in known
    known.add((kind, key))
    return new


def _score(mapping: ScoreColumns | None, cells: Cells) -> pb.Score | None:
    value = cells.number(mapping.value) if mapping is not None else None
    if mapping is None or value is None:
        return None
    return pb.Score(
        kind=cells.word(mapping.kind, signal_pb2.SurveyKind, "SURVEY_KIND"),
        value=value,
        lowest=cells.number(mapping.lowest) or 0,
        highest=cells.number(mapping.highest) or 0,
    )


def _flag(source: Source | None, cells: Cells) -> bool:
    said = cells.text(source)
    if said is None or source is None:
        return False
    if said.lower() not in _FLAGS:
        raise RowError(name_of(source), f"{said!r} is neither true nor false")
    return _FLAGS[said.lower()]


def _customer(external_id: str, name: str | None) -> reference_pb2.CustomerReference:
    fields = customer_pb2.CustomerFields(display_name=name or external_id)
    return reference_pb2.CustomerReference(
        external_id=external_id, fields=fields, kind=customer_pb2.CUSTOMER_KIND_PERSON
    )
