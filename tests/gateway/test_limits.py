"""How large an operation may be, and that measuring costs nothing."""

import pytest
from graphql import DocumentNode, OperationDefinitionNode, get_introspection_query, parse

from gateway.errors import RequestError
from gateway.execution import Executor, RefusedDocument
from gateway.limits import Limits, check, measure
from gateway.schema import graphql_schema


def measured(text: str, limits: Limits) -> None:
    document: DocumentNode = parse(text)
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode):
            check(measure(document, node), limits)


def doubling(levels: int) -> str:
    """Each fragment spreads the next one twice."""
    fragments = [f"fragment F{i} on Query {{ ...F{i + 1} ...F{i + 1} }}" for i in range(levels)]
    return "\n".join(["{ ...F0 }", *fragments, f"fragment F{levels} on Query {{ viewer {{ subject }} }}"])


def test_fragments_that_spread_each_other_are_measured_once() -> None:
    # 2 to the 200th spreads: whoever walks them does not come back.
    with pytest.raises(RequestError, match="root fields"):
        measured(doubling(200), Limits())


@pytest.mark.parametrize(
    ("text", "limit", "code"),
    [
        ("{ a { a { a } } }", Limits(depth=2), "MAX_DEPTH_LIMIT"),
        ("{ x: a y: a z: a }", Limits(aliases=2), "MAX_ALIASES_LIMIT"),
        ("{ ...F ...F } fragment F on Q { x: a }", Limits(aliases=1), "MAX_ALIASES_LIMIT"),
        ("{ a b c }", Limits(root_fields=2), "MAX_ROOT_FIELDS_LIMIT"),
        ("{ a @skip(if: true) @skip(if: true) }", Limits(directives=1), "MAX_DIRECTIVES_LIMIT"),
        ("{ a(first: 100) { b(first: 100) { c } } }", Limits(cost=10_000), "COST_ESTIMATED_TOO_EXPENSIVE"),
        ("query($n: Int) { a(first: $n) { b } }", Limits(cost=100), "COST_ESTIMATED_TOO_EXPENSIVE"),
    ],
)
def test_what_goes_beyond_a_limit_is_refused(text: str, limit: Limits, code: str) -> None:
    with pytest.raises(RequestError) as refused:
        measured(text, limit)
    assert refused.value.code == code


def test_exactly_at_the_limit_is_let_through() -> None:
    measured("{ a { a } }", Limits(depth=2, root_fields=1))


def test_tools_may_ask_for_the_whole_schema() -> None:
    Executor(graphql_schema()).prepare(get_introspection_query())


def test_a_document_is_prepared_once() -> None:
    executor = Executor(graphql_schema())
    assert executor.prepare("{ viewer { subject } }") is executor.prepare("{ viewer { subject } }")


def test_a_refused_document_says_why_without_hints_at_other_names() -> None:
    with pytest.raises(RefusedDocument) as refused:
        Executor(graphql_schema()).prepare("{ viewr { subject } }")
    assert [error.message for error in refused.value.errors] == ["Cannot query field 'viewr' on type 'Query'."]


def test_tokens_are_counted_before_parsing() -> None:
    with pytest.raises(RefusedDocument) as refused:
        Executor(graphql_schema(), Limits(tokens=10)).prepare("{ " + "viewer " * 20 + "}")
    assert refused.value.code == "GRAPHQL_PARSE_FAILED"
