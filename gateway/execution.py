"""Runs one operation: parsed, validated and measured once per text, then executed by graphql-core."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    execute,
    parse,
    subscribe,
    validate,
)

from gateway.context import Context
from gateway.errors import MOST_ERRORS, RequestError, formatted
from gateway.limits import Limits, check

_KEPT_DOCUMENTS = 1_000
_LONGEST_KEPT = 50_000


class RefusedDocument(Exception):
    """The text is no document, or not one of this schema."""

    def __init__(self, code: str, errors: list[GraphQLError]) -> None:
        super().__init__(code)
        self.code = code
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Prepared:
    document: DocumentNode
    operations: Mapping[str | None, OperationDefinitionNode]


class Executor:
    def __init__(self, schema: GraphQLSchema, limits: Limits | None = None, *, introspection: bool = True) -> None:
        self._schema = schema
        self._limits = limits or Limits()
        self._introspection = introspection
        self._known: OrderedDict[str, Prepared] = OrderedDict()

    def prepare(self, text: str) -> Prepared:
        """RefusedDocument, RequestError: why it does not run."""
        prepared = self._known.get(text)
        if prepared is not None:
            self._known.move_to_end(text)
            return prepared
        prepared = self._prepare(text)
        if len(text) <= _LONGEST_KEPT:
            self._known[text] = prepared
            if len(self._known) > _KEPT_DOCUMENTS:
                self._known.popitem(last=False)
        return prepared

    def _prepare(self, text: str) -> Prepared:
        try:
            document = parse(text, max_tokens=self._limits.tokens)
        except GraphQLError as error:
            raise RefusedDocument("GRAPHQL_PARSE_FAILED", [error]) from None
        except RecursionError:
            raise RequestError("MAX_DEPTH_LIMIT", "the operation is nested too deeply") from None
        errors = validate(self._schema, document, max_errors=MOST_ERRORS, hide_suggestions=True)
        if errors:
            raise RefusedDocument("GRAPHQL_VALIDATION_FAILED", errors)
        operations: dict[str | None, OperationDefinitionNode] = {}
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                check(document, node, self._limits)
                operations[node.name.value if node.name else None] = node
        return Prepared(document, operations)

    def choose(self, prepared: Prepared, name: str | None) -> OperationDefinitionNode:
        """RequestError: no such operation, or several and no name."""
        if name is not None:
            if name not in prepared.operations:
                raise RequestError("OPERATION_RESOLUTION_FAILURE", f"the document has no operation {name[:100]}")
            operation = prepared.operations[name]
        elif len(prepared.operations) != 1:
            raise RequestError(
                "OPERATION_RESOLUTION_FAILURE", "the document has several operations: name one in operationName"
            )
        else:
            (operation,) = prepared.operations.values()
        return operation

    async def run(
        self, text: str, variables: dict[str, Any] | None, operation_name: str | None, context: Context
    ) -> dict[str, Any]:
        """The response as GraphQL defines it; without `data` when the request as a whole was refused."""
        prepared = self.prepare(text)
        operation = self.choose(prepared, operation_name)
        if operation.operation is OperationType.SUBSCRIPTION:
            raise RequestError("OPERATION_RESOLUTION_FAILURE", "subscriptions are served over WebSocket alone")
        result = execute(
            self._schema,
            prepared.document,
            context_value=context,
            variable_values=variables or {},
            operation_name=operation.name.value if operation.name else None,
            max_coercion_errors=MOST_ERRORS,
            hide_suggestions=True,
        )
        if not isinstance(result, ExecutionResult):
            result = await result
        return _answer(result, context)

    async def stream(
        self, text: str, variables: dict[str, Any] | None, operation_name: str | None, context: Context
    ) -> AsyncIterator[dict[str, Any]]:
        """The responses of a subscription as they come; of any other operation its one response."""
        prepared = self.prepare(text)
        operation = self.choose(prepared, operation_name)
        if operation.operation is not OperationType.SUBSCRIPTION:
            yield await self.run(text, variables, operation_name, context)
            return
        found = subscribe(
            self._schema,
            prepared.document,
            context_value=context,
            variable_values=variables or {},
            operation_name=operation.name.value if operation.name else None,
            max_coercion_errors=MOST_ERRORS,
            hide_suggestions=True,
        )
        results = await found if isawaitable(found) else found
        if isinstance(results, ExecutionResult):
            yield _answer(results, context)
            return
        try:
            async for result in results:
                # From here a client that comes back goes on.
                place = {"extensions": {"cursor": context.cursor}} if context.cursor is not None else {}
                yield {**_answer(result, context), **place}
        except Exception as error:  # noqa: BLE001  # the source of events broke: that is the last thing that is said
            said = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
            yield _answer(ExecutionResult(None, [said]), context)
        finally:
            # What still waits for an event at the service is given up.
            await results.aclose()  # type: ignore[attr-defined]  # a generator, whatever the stub says


def _answer(result: ExecutionResult, context: Context) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    if result.errors:
        answer["errors"] = formatted(result.errors, context.request_id)
    # Without a path, variables were refused before anything ran: then there is no data at all.
    if result.data is not None or not result.errors or any(error.path for error in result.errors):
        answer["data"] = result.data
    return answer
