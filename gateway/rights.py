"""What the rights tables mean for the graph: fields that need a scope of their own, and directives for routers.

The services enforce the tables. Here a field that was withheld becomes null with FORBIDDEN beside it, and routers that
plan over the subgraphs are told the same rules as `@requiresScopes` and `@authenticated`.
"""

from collections.abc import Callable
from typing import Any

from strawberry.federation import schema_directives
from strawberry.types.base import StrawberryObjectDefinition

from chassis import rights
from chassis.caller import ALL_SCOPES, Reach
from chassis.errors import Forbidden
from gateway.shared import Info, camel

TABLE = rights.load("rundblick.customers.v1", "rundblick.feedback.v1", "rundblick.metrics.v1", "rundblick.shared.v1")


def personal(type_name: str, field: str, resolver: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The resolver of a field that needs a scope of its own. Forbidden: the caller lacks it."""
    (scope,) = (one.scope_of(field) for one in TABLE.objects if one.name == type_name and field in one.personal)

    def resolve(root: Any, info: Info) -> Any:
        # Whatever the rows: a limit of rows is that of the object.
        if scope is None or TABLE.reach(info.context.caller, scope) is not Reach.ALL:
            raise Forbidden(f"the scope {scope} is needed")
        return resolver(root, info)

    return resolve


def declare(subgraph: str, definitions: list[StrawberryObjectDefinition]) -> None:
    """Write the table of one subgraph on its fields, as directives; once is enough, twice does no harm.

    On fields, not on types: an id alone says nothing, and `node` is asked for by who may see any of the kinds. Parts of
    an object are reached through its fields alone.
    """
    for definition in definitions:
        for field in definition.fields:
            name = _graph_name(field)
            if definition.name == "Mutation":
                _add(field, _any_of(TABLE.scopes_of(TABLE.mutations[name])))
            for one in TABLE.objects:
                if one.name != definition.name or name not in one.fields or one.part_of:
                    continue
                if one.service == subgraph:
                    _add(field, _any_of((one.read,), one.scope_of(name)))
                elif one.read == rights.ANYBODY and not _shared_by_all(definition):
                    _add(field, schema_directives.Authenticated())


def _shared_by_all(definition: StrawberryObjectDefinition) -> bool:
    """Pages, messages and the like: as open as what they belong to."""
    return any(isinstance(one, schema_directives.Shareable) for one in definition.directives or ())


def _graph_name(field: Any) -> str:
    return str(field.graphql_name or camel(field.python_name))


def _any_of(names: tuple[str, ...], beside: str | None = None) -> schema_directives.RequiresScopes:
    """One of these scopes, each also as far as its rows go: routers know nothing of rows, the services do.

    beside: a scope that is needed in any case.
    """
    known = [TABLE.scopes[name] for name in names]
    alternatives = [
        [name, beside] if beside is not None else [name]
        for scope in known
        if not scope.internal
        for name in (scope.name, *(scope.name + ending for ending in rights.ENDINGS if scope.rows))
    ]
    # "*" is all of them.
    return schema_directives.RequiresScopes(scopes=[*alternatives, [ALL_SCOPES]])


def _add(on: Any, directive: schema_directives.RequiresScopes | schema_directives.Authenticated) -> None:
    on.directives = [*(one for one in on.directives or () if type(one) is not type(directive)), directive]
