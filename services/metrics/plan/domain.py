"""What a response costs at each touchpoint, and which budget should go elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

# With fewer at a touchpoint nothing is suggested for it.
FEWEST = 20


class Code(Enum):
    """Of a touchpoint: the first four. Of a move: the next one. Of the plan: the others."""

    COST = "COST"
    NO_SPEND = "NO_SPEND"
    TOO_FEW = "TOO_FEW"
    UNCERTAIN = "UNCERTAIN"
    MOVE = "MOVE"
    MOVES = "MOVES"
    NO_DIFFERENCE = "NO_DIFFERENCE"
    NOTHING_TO_COMPARE = "NOTHING_TO_COMPARE"


@dataclass(frozen=True, slots=True)
class Said:
    """numbers: what the sentence says; each is a figure of the same object."""

    code: Code
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one response. lower, upper: None, too little is known of how much it varies."""

    value: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True)
class TouchpointCost:
    """responses: contacts in which a customer turned to the company. cost: None without spend or responses."""

    touchpoint: str
    spend: float
    responses: int
    cost: Cost | None

    @property
    def finding(self) -> Said:
        if self.spend <= 0:
            return Said(Code.NO_SPEND, {"responses": self.responses})
        if self.responses < FEWEST:
            return Said(Code.TOO_FEW, {"responses": self.responses, "spend": self.spend, "needed": FEWEST})
        cost = self.cost
        if cost is None or cost.lower is None or cost.upper is None:
            return Said(Code.UNCERTAIN, {"responses": self.responses, "spend": self.spend})
        return Said(Code.COST, {"cost": cost.value, "lower": cost.lower, "upper": cost.upper})


@dataclass(frozen=True, slots=True)
class Move:
    """times: how many times as many responses the same money brought there."""

    source: TouchpointCost
    target: TouchpointCost
    times: float
    message: Said


@dataclass(frozen=True, slots=True)
class Plan:
    touchpoints: tuple[TouchpointCost, ...]
    moves: tuple[Move, ...]
    because: Said


def planned(costs: Iterable[TouchpointCost]) -> Plan:
    """The cheapest first. Money moves only to the cheapest one, and only where the intervals do not overlap."""
    ordered = sorted(costs, key=lambda one: (one.cost is None, one.cost.value if one.cost else 0.0, one.touchpoint))
    judged = [one for one in ordered if one.finding.code is Code.COST]
    moves = _moves(judged)
    if len(judged) < 2:
        because = Said(Code.NOTHING_TO_COMPARE, {"judged": len(judged), "needed": FEWEST})
    elif moves:
        because = Said(Code.MOVES, {"moves": len(moves), "judged": len(judged)})
    else:
        because = Said(Code.NO_DIFFERENCE, {"judged": len(judged)})
    return Plan(tuple(ordered), moves, because)


def _moves(judged: Sequence[TouchpointCost]) -> tuple[Move, ...]:
    if not judged:
        return ()
    best, *others = judged
    found = (_move(one, best) for one in reversed(others))
    return tuple(move for move in found if move is not None)


def _move(source: TouchpointCost, target: TouchpointCost) -> Move | None:
    dear, cheap = source.cost, target.cost
    if dear is None or cheap is None or dear.lower is None or cheap.upper is None or dear.lower <= cheap.upper:
        return None
    times = dear.value / cheap.value
    numbers = {"from": dear.value, "to": cheap.value, "fromLower": dear.lower, "toUpper": cheap.upper, "times": times}
    return Move(source, target, times, Said(Code.MOVE, numbers))
