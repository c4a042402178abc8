"""How large an operation may be, measured before anything of it runs.

Each fragment is measured once, so that fragments that spread each other cost nothing to measure.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from gateway.errors import RequestError

log = logging.getLogger(__name__)

# A list of unknown length, and one whose length comes as a variable, in nodes.
_UNKNOWN_SIZE = 20
_LARGEST_SIZE = 100
_PAGED = frozenset({"first", "last"})


@dataclass(frozen=True, slots=True)
class Limits:
    tokens: int = 5_000
    depth: int = 20
    aliases: int = 100
    root_fields: int = 50
    directives: int = 100
    # Fields of the answer at most, lists counted by the length asked for.
    cost: int = 250_000
    # Of these limits it is only noted who goes beyond them.
    measured: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Size:
    depth: int = 0
    aliases: int = 0
    fields: int = 0
    directives: int = 0
    cost: int = 0


# As they are named in the settings.
SIZES = ("depth", "aliases", "root_fields", "directives", "cost")


def measure(document: DocumentNode, operation: OperationDefinitionNode) -> Size:
    return _Measure(document).of(operation.selection_set)


def check(size: Size, limits: Limits) -> None:
    """RequestError: the first limit it goes beyond, with both numbers."""
    for limit, name, is_size, code in (
        ("depth", "depth", size.depth, "MAX_DEPTH_LIMIT"),
        ("aliases", "number of aliases", size.aliases, "MAX_ALIASES_LIMIT"),
        ("root_fields", "number of root fields", size.fields, "MAX_ROOT_FIELDS_LIMIT"),
        ("directives", "number of directives", size.directives, "MAX_DIRECTIVES_LIMIT"),
        ("cost", "cost", size.cost, "COST_ESTIMATED_TOO_EXPENSIVE"),
    ):
        most = getattr(limits, limit)
        if is_size <= most:
            continue
        said = f"the {name} of the operation is {is_size}; at most {most} is allowed"
        if limit not in limits.measured:
            raise RequestError(code, said)
        log.warning("let through: %s", said)


def cost_of_item(field: FieldNode, fragments: Mapping[str, FragmentDefinitionNode]) -> int:
    """How many fields one item of the list that the field answers has at most."""
    if field.selection_set is None:
        return 1
    return _Measure(DocumentNode(definitions=tuple(fragments.values()))).of(field.selection_set).cost


class _Measure:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments: Mapping[str, FragmentDefinitionNode] = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, Size] = {}

    def of(self, selections: SelectionSetNode) -> Size:
        depth = aliases = fields = directives = cost = 0
        for selection in selections.selections:
            directives += len(selection.directives or ())
            if isinstance(selection, FieldNode):
                inner = self._of_field(selection)
                fields += 1
                depth = max(depth, inner.depth + 1)
            else:
                inner = self._of_spread(selection)
                fields += inner.fields
                depth = max(depth, inner.depth)
            aliases += inner.aliases
            directives += inner.directives
            cost += inner.cost
        return Size(depth, aliases, fields, directives, cost)

    def _of_field(self, field: FieldNode) -> Size:
        aliased = int(field.alias is not None)
        # Tools ask for the whole schema in one deep query; graphql-core itself refuses circular ones.
        if field.selection_set is None or field.name.value in ("__schema", "__type"):
            return Size(aliases=aliased, cost=1)
        inner = self.of(field.selection_set)
        return Size(inner.depth, inner.aliases + aliased, 1, inner.directives, 1 + _length(field) * inner.cost)

    def _of_spread(self, spread: Any) -> Size:
        if isinstance(spread, InlineFragmentNode):
            return self.of(spread.selection_set)
        if not isinstance(spread, FragmentSpreadNode) or spread.name.value not in self._fragments:
            return Size()
        name = spread.name.value
        if name not in self._known:
            # Validation has refused cycles before.
            self._known[name] = self.of(self._fragments[name].selection_set)
        return self._known[name]


def _length(field: FieldNode) -> int:
    """How many items the field's list has at most."""
    for argument in field.arguments or ():
        if argument.name.value in _PAGED:
            if isinstance(argument.value, IntValueNode):
                return max(int(argument.value.value), 1)
            return _LARGEST_SIZE
    # A connection without a size has the default one; what is below edges is counted there already.
    if field.selection_set is not None and any(
        isinstance(child, FieldNode) and child.name.value == "edges" for child in field.selection_set.selections
    ):
        return _UNKNOWN_SIZE
    return 1
