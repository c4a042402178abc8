"""Public holidays, as the library knows them."""

from datetime import date
from functools import lru_cache

import holidays

from chassis.errors import InvalidInput
from services.feedback.calendar.domain.calendar import Calendar
from services.feedback.calendar.domain.hours import Holiday


def check(country: str | None, subdivision: str | None) -> None:
    """InvalidInput: the holidays of that place are not known."""
    if country is None:
        if subdivision is not None:
            raise InvalidInput("a subdivision is one of a country", ("holidays", "country"))
        return
    known = _known()
    if country not in known:
        raise InvalidInput(f"the holidays of {country[:20]!r} are not known; a country is such as DE", _COUNTRY)
    if subdivision is not None and subdivision not in known[country]:
        some = ", ".join(known[country]) or "none"
        raise InvalidInput(f"{country} has no subdivision {subdivision[:20]!r}; it has {some}", _SUBDIVISION)


def holiday_of(calendar: Calendar) -> Holiday:
    """Whether a day is one, for this calendar."""
    return _holiday(calendar.country, calendar.subdivision)


@lru_cache(maxsize=256)
def _holiday(country: str | None, subdivision: str | None) -> Holiday:
    if country is None:
        return _never
    return holidays.country_holidays(country, subdiv=subdivision).__contains__


def _never(day: date) -> bool:
    return False


@lru_cache(maxsize=1)
def _known() -> dict[str, list[str]]:
    return holidays.list_supported_countries()


_COUNTRY, _SUBDIVISION = ("holidays", "country"), ("holidays", "subdivision")
