"""What a definition must keep to, and what changes from one version to the next."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from chassis.errors import InvalidInput
from chassis.expressions import InvalidExpression, Kind
from services.metrics.event.domain import LARGEST_VALUE, EventType
from services.metrics.event.registry import Registry
from services.metrics.kpi.domain import TOTAL, Aggregation, DimensionSet, Kpi

MOST_SETS = 20
MOST_IN_A_SET = 4
_KEY = re.compile(r"[a-z][a-z0-9_]{0,59}")
_MEASURING = (Aggregation.SUM, Aggregation.MEAN, Aggregation.QUANTILE)


def checked(draft: Kpi, registry: Registry, others: Mapping[str, Kpi]) -> Kpi:
    """The definition as it is kept. others: the KPIs there are, by key. InvalidInput: which field cannot be so."""
    if not _KEY.fullmatch(draft.key):
        raise InvalidInput("a key is made of a-z, 0-9 and _, begins with a letter and has at most 60", ("key",))
    for field, text, longest in (("name", draft.name, 120), ("unit", draft.unit, 20)):
        if not text.strip() or len(text) > longest:
            raise InvalidInput(f"{field} has 1 to {longest} characters", (field,))
    if len(draft.description) > 2_000:
        raise InvalidInput("a description has at most 2000 characters", ("description",))
    _check_target(draft)
    if draft.aggregation is Aggregation.RATIO or (draft.aggregation is Aggregation.RATE and draft.of):
        return _derived(draft, others)
    if draft.of:
        raise InvalidInput("only a RATIO or a RATE is derived from other KPIs", ("of",))
    return _counted(draft, registry)


def _check_target(draft: Kpi) -> None:
    target = draft.goal
    if target is None:
        return
    if not math.isfinite(target.value) or abs(target.value) > LARGEST_VALUE:
        raise InvalidInput(f"a target is finite and at most {LARGEST_VALUE:.0e}", ("target", "value"))
    if target.since is not None and target.until is not None and target.until < target.since:
        raise InvalidInput("a target ends after it begins", ("target", "until"))


def _derived(draft: Kpi, others: Mapping[str, Kpi]) -> Kpi:
    wanted = 2 if draft.aggregation is Aggregation.RATIO else 1
    if len(draft.of) != wanted:
        said = "a numerator and a denominator" if wanted == 2 else "the one KPI whose target it looks at"
        raise InvalidInput(f"of names {said}", ("of",))
    for place, key in enumerate(draft.of):
        other = others.get(key)
        if other is None or other.archived_at is not None:
            raise InvalidInput(f"there is no KPI {key[:60]}", ("of", str(place)))
        if other.of:
            raise InvalidInput(f"{key} is itself derived", ("of", str(place)))
        if draft.aggregation is Aggregation.RATE and other.aggregation not in _MEASURING:
            raise InvalidInput(f"{key} has no single values that could be within a target", ("of", str(place)))
    for field, given in (("event", draft.event), ("filter", draft.filter), ("value", draft.value)):
        if given:
            raise InvalidInput("what is derived from other KPIs has no events of its own", (field,))
    if len(draft.sets) > 1 or draft.sets[:1] not in ((), (TOTAL,)):
        raise InvalidInput("what is derived is kept as those it is derived from", ("dimension_sets",))
    if draft.per_customer:
        raise InvalidInput("what is derived is not kept per customer", ("per_customer",))
    return replace(draft, sets=(TOTAL,), quantile=None)


def _counted(draft: Kpi, registry: Registry) -> Kpi:
    try:
        type = registry.get(draft.event)
    except InvalidInput as error:
        known = ", ".join(one.name for one in registry.all)
        raise InvalidInput(f"{error.message}; there are {known}", ("event",)) from None
    if draft.filter is not None:
        check_expression(registry, type, "filter", draft.filter, Kind.FLAG)
    if draft.aggregation is Aggregation.RATE:
        if draft.value is None:
            raise InvalidInput("a RATE needs a value that is true or false", ("value",))
        check_expression(registry, type, "value", draft.value, Kind.FLAG)
    elif draft.aggregation in _MEASURING:
        if draft.value is not None:
            check_expression(registry, type, "value", draft.value, Kind.NUMBER)
        elif type.unit is None:
            raise InvalidInput(f"events named {type.name} have no value of their own: say which", ("value",))
    elif draft.value is not None:
        raise InvalidInput(f"a {draft.aggregation.value} has no value", ("value",))
    quantile = None
    if draft.aggregation is Aggregation.QUANTILE:
        quantile = 0.5 if draft.quantile is None else draft.quantile
        if not 0 < quantile < 1:
            raise InvalidInput("a quantile lies between 0 and 1, such as 0.5 for the median", ("quantile",))
    elif draft.quantile is not None:
        raise InvalidInput("only a QUANTILE has one", ("quantile",))
    return replace(draft, sets=_sets(draft.sets, type), quantile=quantile, waits=type.waits)


def check_expression(registry: Registry, type: EventType, field: str, text: str, returns: Kind) -> None:
    try:
        registry.facts(type.name).compile(text, returns)
    except InvalidExpression as error:
        raise InvalidInput(error.message, (field,)) from None


def _sets(asked: tuple[DimensionSet, ...], type: EventType) -> tuple[DimensionSet, ...]:
    known = type.all_dimensions
    sets: dict[frozenset[str], DimensionSet] = {frozenset(): TOTAL}
    for place, dimensions in enumerate(asked):
        path = ("dimension_sets", str(place))
        for dimension in dimensions:
            if dimension not in known:
                raise InvalidInput(f"{dimension[:40]!r} is no dimension of {type.name}: {', '.join(known)}", path)
        if len(set(dimensions)) != len(dimensions) or len(dimensions) > MOST_IN_A_SET:
            raise InvalidInput(f"a set has at most {MOST_IN_A_SET} dimensions, each once", path)
        if dimensions and frozenset(dimensions) in sets:
            raise InvalidInput("this set comes twice", path)
        sets.setdefault(frozenset(dimensions), dimensions)
    if len(sets) > MOST_SETS + 1:
        raise InvalidInput(f"at most {MOST_SETS} dimension sets", ("dimension_sets",))
    return tuple(sets.values())


_COMPARED = ("name", "description", "unit", "event", "filter", "value", "quantile", "per_customer", "owner")


def changes(before: Kpi | None, after: Kpi) -> Iterator[tuple[str, str, str]]:
    """(field, before, after) of each that differs, as people read them."""
    for field in _COMPARED:
        old, new = getattr(before, field, None), getattr(after, field)
        if old != new and not (before is None and not new):
            yield field, _said(old), _said(new)
    for field, old, new in (
        ("aggregation", before and before.aggregation.value, after.aggregation.value),
        ("direction", before and before.direction.value, after.direction.value),
        ("of", ", ".join(before.of) if before else "", ", ".join(after.of)),
        ("target", _target(before), _target(after)),
        ("dimension_sets", _shown_sets(before), _shown_sets(after)),
    ):
        if (old or "") != (new or ""):
            yield field, old or "", new or ""
    if before is not None and before.archived_at is not None and after.archived_at is None:
        yield "archived_at", before.archived_at.isoformat(), ""


def _said(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _target(kpi: Kpi | None) -> str:
    if kpi is None or kpi.goal is None:
        return ""
    target = kpi.goal
    dates = "".join(f" {word} {day}" for word, day in (("from", target.since), ("until", target.until)) if day)
    return f"{target.value:g}{dates}"


def _shown_sets(kpi: Kpi | None) -> str:
    return "; ".join(", ".join(sorted(one)) for one in sorted(kpi.sets) if one) if kpi is not None else ""
