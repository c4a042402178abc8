"""What a client asks of a field's result, seen before it is fetched."""

from collections.abc import Iterator
from typing import Any

from graphql import FieldNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode
from graphql.execution.values import get_argument_values

from gateway.shared import Info


class Selection:
    """The fields below a field, fragments resolved."""

    def __init__(self, info: Info, nodes: list[FieldNode]) -> None:
        self._info = info
        self._nodes = nodes

    @classmethod
    def of(cls, info: Info) -> "Selection":
        return cls(info, list(info._raw_info.field_nodes))  # strawberry has no other way to them

    def below(self, *names: str) -> "Selection":
        """Of all fields of these names, the path given outermost first."""
        nodes = self._nodes
        for name in names:
            nodes = [child for node in nodes for child in self._children(node) if child.name.value == name]
        return Selection(self._info, nodes)

    def __bool__(self) -> bool:
        return bool(self._nodes)

    def arguments(self, type_name: str) -> list[dict[str, Any]]:
        """The arguments of each of these fields of the type, defaults filled in."""
        raw = self._info._raw_info  # as above
        parent: Any = raw.schema.get_type(type_name)
        return [get_argument_values(parent.fields[node.name.value], node, raw.variable_values) for node in self._nodes]

    def _children(self, node: FieldNode) -> Iterator[FieldNode]:
        if node.selection_set is not None:
            yield from self._fields(node.selection_set, set())

    def _fields(self, selections: SelectionSetNode, seen: set[str]) -> Iterator[FieldNode]:
        fragments = self._info._raw_info.fragments  # as above
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                yield selection
            elif isinstance(selection, InlineFragmentNode):
                yield from self._fields(selection.selection_set, seen)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                seen.add(selection.name.value)
                if selection.name.value in fragments:
                    yield from self._fields(fragments[selection.name.value].selection_set, seen)
