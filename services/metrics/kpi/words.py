"""Why a result says less than was asked for, in German and English."""

from collections.abc import Mapping

from rundblick.metrics.v1 import kpi_pb2 as pb

ENGLISH, GERMAN = "en", "de"

_SENTENCES: Mapping[str, tuple[str, str]] = {
    "BACK_FILL_RUNNING": (
        "Stored events are still being counted: {percent} % are.",
        "Gespeicherte Ereignisse werden noch gezählt: {percent} % sind es.",
    ),
    "COUNTED_FROM": (
        "This definition is newer than the events that were kept: it counts from {since} on.",
        "Diese Definition ist neuer als die aufbewahrten Ereignisse: Sie zählt ab dem {since}.",
    ),
    "PERIOD_NOT_KEPT": (
        "Of one customer, only the newest observations are kept one by one.",
        "Von einem einzelnen Kunden werden nur die neuesten Beobachtungen einzeln aufbewahrt.",
    ),
    "NOT_KEPT_PER_CUSTOMER": (
        "This KPI is not kept of single customers.",
        "Diese Kennzahl wird nicht für einzelne Kunden geführt.",
    ),
    "EMPLOYEES_PROTECTED": (
        "Left out of {months} month(s): figures of an employee are shown from {minimum} observations in a month on, "
        "and only where nobody else's follow from them.",
        "In {months} Monat(en) ausgelassen: Zahlen einzelner Beschäftigter werden ab {minimum} Beobachtungen im Monat "
        "gezeigt, und nur, wenn daraus nicht die eines anderen folgen.",
    ),
}


def say(code: str, language: str, **parameters: str) -> pb.LocalizedMessage:
    """Any other language than German is English."""
    sentence = _SENTENCES[code][1 if language == GERMAN else 0]
    return pb.LocalizedMessage(code=code, parameters=parameters, text=sentence.format(**parameters))
