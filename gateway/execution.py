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
from gateway.limits import Limits, Size, check, measure

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
    """operations: by name."""

    operations: Mapping[str | None, "Chosen"]


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """One operation of a document; the same one for as long as the document is kept."""

    document: DocumentNode
    operation: OperationDefinitionNode
    size: Size

    @property
    def kind(self) -> OperationType:
        return self.operation.operation

    @property
    def name(self) -> str | None:
        return self.operation.name.value if self.operation.name else None


class Executor:
    def __init__(self, schema: GraphQLSchema, limits: Limits | None = None, *, introspection: bool = True) -> None:
        self._schema = schema
        self._limits = limits or Limits()
        self._introspection = introspection
        self._known: OrderedDict[tuple[str, bool], Prepared] = OrderedDict()

    def prepare(self, text: str, *, trusted: bool = False) -> Prepared:
        """trusted: no limit of size holds. RefusedDocument, RequestError: why it does not run."""
        key = text, trusted
        prepared = self._known.get(key)
        if prepared is not None:
            self._known.move_to_end(key)
            return prepared
        prepared = self._prepare(text, trusted)
        if len(text) <= _LONGEST_KEPT:
            self._known[key] = prepared
            if len(self._known) > _KEPT_DOCUMENTS:
                self._known.popitem(last=False)
        return prepared

    def _prepare(self, text: str, trusted: bool) -> Prepared:
        try:
            document = parse(text, max_tokens=None if trusted else self._limits.tokens)
        except GraphQLError as error:
            raise RefusedDocument("GRAPHQL_PARSE_FAILED", [error]) from None
        except RecursionError:
            raise RequestError("MAX_DEPTH_LIMIT", "the operation is nested too deeply") from None
        errors = validate(self._schema, document, max_errors=MOST_ERRORS, hide_suggestions=True)
        if errors:
            raise RefusedDocument("GRAPHQL_VALIDATION_FAILED", errors)
        operations: dict[str | None, Chosen] = {}
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                name = node.name.value if node.name else None
                size = measure(document, node)
                if not trusted:
                    check(size, self._limits)
                operations[name] = Chosen(document, node, size)
        return Prepared(operations)

    def choose(self, prepared: Prepared, name: str | None) -> Chosen:
        """RequestError: no such operation, or several and no name."""
        if name is None and len(prepared.operations) == 1:
            (name,) = prepared.operations
        elif name is None:
            raise RequestError(
                "OPERATION_RESOLUTION_FAILURE", "the document has several operations: name one in operationName"
            )
        if name not in prepared.operations:
            raise RequestError("OPERATION_RESOLUTION_FAILURE", f"the document has no operation {str(name)[:100]}")
        return prepared.operations[name]

    async def run(
        self, text: str, variables: dict[str, Any] | None, operation_name: str | None, context: Context
    ) -> dict[str, Any]:
        """As `execute`, of a text."""
        return await self.execute(self.choose(self.prepare(text), operation_name), variables, context)

    async def execute(self, chosen: Chosen, variables: dict[str, Any] | None, context: Context) -> dict[str, Any]:
        """The response as GraphQL defines it; without `data` when the request as a whole was refused."""
        if chosen.kind is OperationType.SUBSCRIPTION:
            raise RequestError(
                "OPERATION_RESOLUTION_FAILURE",
                "subscriptions are served over WebSocket, and over HTTP to who asks for text/event-stream",
            )
        result = execute(
            self._schema,
            chosen.document,
            context_value=context,
            variable_values=variables or {},
            operation_name=chosen.name,
            max_coercion_errors=MOST_ERRORS,
            hide_suggestions=True,
        )
        if not isinstance(result, ExecutionResult):
            result = await result
        return _answer(result, context)

    async def stream(
        self, chosen: Chosen, variables: dict[str, Any] | None, context: Context
    ) -> AsyncIterator[dict[str, Any]]:
        """The responses of a subscription as they come; of any other operation its one response."""
        if chosen.kind is not OperationType.SUBSCRIPTION:
            yield await self.execute(chosen, variables, context)
            return
        found = subscribe(
            self._schema,
            chosen.document,
            context_value=context,
            variable_values=variables or {},
            operation_name=chosen.name,
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
