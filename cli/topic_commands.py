"""rundblick topic: what feedback can be about, as a file."""

from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from rich.table import Table

from cli.graph import Graph, GraphError
from cli.options import DEFAULT_ENDPOINT, Endpoint, Token, fail, new_console

topic_app = typer.Typer(no_args_is_help=True, help="What feedback can be about.")

_LIST = """query($after: String) { topics(first: 100, after: $after) {
  edges { node { key name version words { language words } } } pageInfo { hasNextPage endCursor } } }"""
_DEFINE = """mutation($input: DefineTopicInput!) { defineTopic(input: $input) {
  topic { version } userErrors { message path } } }"""


@topic_app.command("list")
def list_topics(endpoint: Endpoint = DEFAULT_ENDPOINT, token: Token = None) -> None:
    """List the topics that are found in texts today."""
    try:
        found = _known(Graph(endpoint, token))
    except GraphError as error:
        fail(error)
    table = Table()
    for column in ("key", "name", "version", "words"):
        table.add_column(column)
    for key, topic in found.items():
        count = sum(len(one["words"]) for one in topic["words"])
        table.add_row(key, topic["name"], str(topic["version"]), str(count))
    new_console().print(table)


@topic_app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="YAML: a list of topics, each with key, name and words by language.")],
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token: Token = None,
) -> None:
    """Define what is new or changed; others stay. Twice changes nothing more."""
    try:
        graph, wanted = Graph(endpoint, token), _read(file)
        known = _known(graph)
        for topic in wanted:
            before = known.get(topic["key"], {}).get("version")
            after = _defined(graph, {**topic, "version": before})
            said = "as it is" if before == after else "new" if before is None else f"version {after}"
            typer.echo(f"{topic['key']}: {said}")
    except (OSError, yaml.YAMLError, GraphError) as error:
        fail(error)


def _read(file: Path) -> list[dict[str, Any]]:
    """As the graph takes them. GraphError: it is no list of topics."""
    said = yaml.safe_load(file.read_text(encoding="utf-8"))
    try:
        return [
            {
                "key": topic["key"],
                "name": topic["name"],
                "words": [{"language": language, "words": words} for language, words in topic["words"].items()],
            }
            for topic in said
        ]
    except (TypeError, KeyError, AttributeError):
        raise GraphError(f"{file.name} is no list of topics, each with key, name and words by language") from None


def _known(graph: Graph) -> dict[str, Any]:
    found: dict[str, Any] = {}
    after = None
    while True:
        page = graph.ask(_LIST, after=after)["topics"]
        found |= {edge["node"]["key"]: edge["node"] for edge in page["edges"]}
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def _defined(graph: Graph, input: dict[str, Any]) -> int:
    payload = graph.ask(_DEFINE, input=input)["defineTopic"]
    if payload["userErrors"]:
        raise GraphError(f"{input['key']}: " + "; ".join(error["message"] for error in payload["userErrors"]))
    version: int = payload["topic"]["version"]
    return version
