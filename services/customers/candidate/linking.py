"""How likely it is that two records are of the same customer, after Fellegi and Sunter: rows in, scored pairs out.

Whoever imports this module pays for splink and DuckDB: only the process that links does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import splink.comparison_level_library as levels
from rapidfuzz.distance import JaroWinkler
from splink import Linker, SettingsCreator, block_on
from splink.comparison_library import CustomComparison
from splink.internals.duckdb.database_api import DuckDBAPI

from services.customers.candidate.domain import Agreement, Reason

# A row has an id and says of each of these what it knows, in small letters, or None; of the last two a list.
TEXTS = (
    "given_name",
    "family_name",
    "organisation_name",
    "street",
    "house_number",
    "locality",
    "city",
    "postal_code",
    "region",
    "date_of_birth",
)
LISTS = ("emails", "phones")
Row = Mapping[str, Any]

# Pairs are compared only where they share all of one of these: never all with all.
_BLOCKS = (
    ("date_of_birth",),
    ("given_name", "family_name"),
    ("family_name", "postal_code"),
    ("given_name", "postal_code"),
    ("family_name", "city"),
    ("given_name", "city"),
    ("organisation_name",),
    ("substr(organisation_name, 1, 6)", "postal_code"),
    ("street", "house_number"),
    ("street", "postal_code"),
    ("street", "city"),
    ("house_number", "postal_code"),
    ("house_number", "city"),
    ("locality", "postal_code"),
    ("locality", "city"),
    ("given_name", "substr(date_of_birth, 1, 4)"),
    ("family_name", "substr(date_of_birth, 1, 4)"),
    ("postal_code", "substr(date_of_birth, 6, 5)"),
)
# A block in which more pairs would be compared than so many for each row tells nobody apart, and is left out.
_MOST_PAIRS_PER_ROW = 200
# Below this the chance agreement of a field cannot be seen from the rows: what is usual of it is taken.
_FEW = 200
_LOADED_AT_ONCE = 2_000
# People look at so many at most, the likeliest.
_MOST_PAIRS = 100_000
_PAIRS_SAMPLED = 1_000_000
_SEED = 1
# So alike two given names may be spelled, and those of two people in one family are less.
_SAME_GIVEN_NAME = 0.75


@dataclass(frozen=True, slots=True)
class Scored:
    """score: probability that both are the same. reasons: the strongest first."""

    one: str
    other: str
    score: float
    reasons: tuple[Reason, ...]


def linked(rows: Sequence[Row], least: float, *, threads: int = 2, memory: str = "1GB") -> list[Scored]:
    """All pairs that are at least so likely, the likeliest first. least: above 0 and below 1.

    How often a field agrees between strangers is estimated from the rows; how often it does between records of the
    same customer is fixed, so that the same pair has the same score in small data and in large.
    """
    if len(rows) < 2:
        return []
    connection = duckdb.connect(":memory:", config={"threads": threads, "memory_limit": memory})
    try:
        rows = [_whole(row) for row in rows]
        _load(connection, rows)
        predicted = _predict(connection, rows, least)
        by_id = {row["unique_id"]: row for row in rows}
        pairs = [_scored(record) for record in predicted]
        return [pair for pair in pairs if not one_household(by_id[pair.one], by_id[pair.other])]
    finally:
        connection.close()


def one_household(one: Row, other: Row) -> bool:
    """Do two of one family or office share all but the given name?"""
    given = (one["given_name"], other["given_name"])
    if not all(given) or _alike(*given) or one["date_of_birth"] == other["date_of_birth"] is not None:
        return False
    # Names that changed places are the same.
    swapped = (one["family_name"], other["given_name"]), (other["family_name"], one["given_name"])
    return not all(family and _alike(family, name) for family, name in swapped)


def _alike(one: str, other: str) -> bool:
    if min(len(one), len(other)) == 1:
        return one[0] == other[0]
    return JaroWinkler.similarity(one, other) >= _SAME_GIVEN_NAME


def _whole(row: Row) -> dict[str, Any]:
    texts = {name: row.get(name) or None for name in TEXTS}
    # A list without entries agrees with nothing; None says nothing.
    return {"unique_id": row["id"], **texts, **{name: list(row.get(name) or ()) or None for name in LISTS}}


def _load(connection: duckdb.DuckDBPyConnection, rows: Sequence[Row]) -> None:
    columns = [f"{name} varchar" for name in ("unique_id", *TEXTS)] + [f"{name} varchar[]" for name in LISTS]
    connection.execute(f"create table rows_linked ({', '.join(columns)})").fetchall()
    said = f"struct({', '.join(columns)})[]"
    for start in range(0, len(rows), _LOADED_AT_ONCE):
        some = rows[start : start + _LOADED_AT_ONCE]
        insert = f"insert into rows_linked select row.* from (select unnest(cast(? as {said})) as row)"  # noqa: S608  # our own names
        connection.execute(insert, [some]).fetchall()


def _predict(connection: duckdb.DuckDBPyConnection, rows: Sequence[Row], least: float) -> Iterable[dict[str, Any]]:
    said = [name for name in (*TEXTS, *LISTS) if sum(row[name] is not None for row in rows) > 1]
    few = len(rows) < _FEW
    comparisons = [_compared(name, few) for name in said]
    blocks: list[Any] = [block_on(*block) for block in _BLOCKS if _few_enough(connection, block, len(rows))]
    blocks += [block_on(name, arrays_to_explode=[name]) for name in LISTS if name in said]
    if not comparisons or not blocks:
        return []
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=blocks,
        probability_two_random_records_match=1 / max(len(rows), _FEW),
        retain_intermediate_calculation_columns=True,
        retain_matching_columns=True,
    )
    linker = Linker(DuckDBAPI(connection).register("rows_linked"), settings, log_level="ERROR")
    if not few:
        linker.training.estimate_u_using_random_sampling(max_pairs=_PAIRS_SAMPLED, seed=_SEED)
    found = linker.inference.predict(threshold_match_probability=least).physical_name
    ordered = connection.execute(
        f"select columns('unique_id_.|match_probability|gamma_.*|mw_.*') from {found} "  # noqa: S608  # its own name
        f"order by match_weight desc, unique_id_l, unique_id_r limit {_MOST_PAIRS}"
    )
    names = [column[0] for column in ordered.description or ()]
    return [dict(zip(names, values, strict=True)) for values in ordered.fetchall()]


def _few_enough(connection: duckdb.DuckDBPyConnection, block: Sequence[str], rows: int) -> bool:
    there = " and ".join(f"{expression} is not null" for expression in block)
    counted = connection.execute(
        f"select coalesce(sum(n * (n - 1) / 2), 0) from "  # noqa: S608  # our own names
        f"(select count(*) as n from rows_linked where {there} group by {', '.join(block)})"
    ).fetchall()
    return 0 < float(counted[0][0]) <= rows * _MOST_PAIRS_PER_ROW


def _scored(record: Mapping[str, Any]) -> Scored:
    reasons = []
    for name in (*TEXTS, *LISTS):
        level = record.get(f"gamma_{name}")
        if level is None or level < 0:
            continue
        weight = float(record[f"mw_{name}"]) + float(record.get(f"mw_tf_adj_{name}") or 0.0)
        reasons.append(Reason(name, _agreement(name, int(level)), round(weight, 2)))
    reasons.sort(key=lambda reason: (-abs(reason.weight or 0.0), reason.field))
    one, other = sorted((record["unique_id_l"], record["unique_id_r"]))
    return Scored(one, other, min(float(record["match_probability"]), 1.0), tuple(reasons))


def _agreement(name: str, level: int) -> Agreement:
    """Levels count from 0, which differs, to the highest, which is the same."""
    if level == 0:
        return Agreement.DIFFERENT
    return Agreement.SAME if level == (1 if _USUAL[name].near is None else 2) else Agreement.SIMILAR


@dataclass(frozen=True, slots=True)
class _Usual:
    """How often a field agrees. same, near: of two records of one customer; by_chance: of two customers.

    by_frequency: a rare value that agrees tells more.
    """

    same: float
    near: float | None
    by_chance: float
    by_frequency: bool = False


# Of one customer: what differs are typing errors, moves and marriages. By chance: where the rows are too few to see it.
# An address or a number that two share is worth no more than what families and offices leave of it.
_USUAL: Mapping[str, _Usual] = {
    "given_name": _Usual(0.75, 0.15, 0.01, by_frequency=True),
    "family_name": _Usual(0.75, 0.15, 0.005, by_frequency=True),
    "organisation_name": _Usual(0.75, 0.20, 0.001, by_frequency=True),
    "street": _Usual(0.75, 0.15, 0.005, by_frequency=True),
    "house_number": _Usual(0.75, 0.15, 0.02),
    "locality": _Usual(0.75, 0.15, 0.005),
    "city": _Usual(0.75, 0.15, 0.05, by_frequency=True),
    "postal_code": _Usual(0.8, 0.1, 0.01),
    "region": _Usual(0.9, None, 0.2),
    "date_of_birth": _Usual(0.85, 0.1, 0.0005),
    "emails": _Usual(0.6, None, 0.0001),
    "phones": _Usual(0.6, None, 0.0001),
}
_BY_LETTER = ("postal_code", "date_of_birth", "house_number")


def _compared(name: str, few: bool) -> Any:
    usual = _USUAL[name]
    fixed = name in LISTS
    found: list[Any] = [levels.NullLevel(name)]
    if fixed:
        same: Any = levels.ArrayIntersectLevel(name, 1)
    else:
        same = levels.ExactMatchLevel(name, term_frequency_adjustments=usual.by_frequency and not few)
    found.append(
        same.configure(m_probability=usual.same, u_probability=usual.by_chance, fix_u_probability=fixed or None)
    )
    if usual.near is not None:
        near: Any = (
            levels.DamerauLevenshteinLevel(name, 1) if name in _BY_LETTER else levels.JaroWinklerLevel(name, 0.88)
        )
        found.append(near.configure(m_probability=usual.near, u_probability=usual.by_chance))
    rest = 1 - usual.by_chance * (1 if usual.near is None else 2)
    different = 1 - usual.same - (usual.near or 0)
    found.append(
        levels.ElseLevel().configure(m_probability=different, u_probability=rest, fix_u_probability=fixed or None)
    )
    return CustomComparison(output_column_name=name, comparison_levels=found)
