"""One noun, one word, everywhere; and the other habits of the house that a machine can keep."""

import ast
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LONGEST = 450
GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$")

# A noun with a proto that the graph does not show under its own name, and why.
NOT_IN_THE_GRAPH = {
    ("customers", "client"): "is looked after by operators, from the command line",
    ("customers", "importing"): "takes files, from the command line",
    ("customers", "job"): "is shown by `jobs`, together with those of other services",
    ("customers", "signal"): "is looked at by rules, which show what follows",
    ("customers", "reference"): "turns keys into ids for other processes",
    ("feedback", "mail"): "comes in from mailboxes, and from files from the command line",
    ("feedback", "job"): "is shown by `jobs`, together with those of other services",
    ("metrics", "rollup"): "is shown as results of KPIs",
}
# Written so that this file does not find itself.
FOREIGN = [
    "pypi" + ".org",
    "python" + "hosted",
    "registry." + "npmjs",
    "deb." + "debian",
    "/wo" + "rk/",
    "/ho" + "me/",
    "/ro" + "ot/",
    "/Us" + "ers/",
]


@cache
def files() -> tuple[Path, ...]:
    """What git holds or would take."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def python() -> list[Path]:
    return [path for path in files() if path.suffix == ".py" and not GENERATED.search(path.name)]


def services() -> list[str]:
    return sorted(path.name for path in (ROOT / "services").iterdir() if (path / "__init__.py").is_file())


def noun_folders() -> list[tuple[str, str]]:
    return sorted(
        (service, path.name)
        for service in services()
        for path in (ROOT / "services" / service).iterdir()
        if (path / "__init__.py").is_file()
    )


def proto_nouns() -> list[tuple[str, str]]:
    return sorted(
        (service, path.stem)
        for service in services()
        for path in (ROOT / "protos" / "rundblick" / service / "v1").glob("*.proto")
    )


@pytest.mark.parametrize(("service", "noun"), proto_nouns())
def test_a_noun_is_found_under_its_word_everywhere(service: str, noun: str) -> None:
    assert (ROOT / "services" / service / noun).is_dir()
    assert noun in " ".join(shown(path) for path in files() if shown(path).startswith(f"tests/{service}/"))
    # gateway/<service>/client.py is named by its role: how the gateway calls the service.
    in_graph = noun != "client" and (ROOT / "gateway" / service / f"{noun}.py").is_file()
    assert in_graph == ((service, noun) not in NOT_IN_THE_GRAPH)


@pytest.mark.parametrize("service", services())
def test_a_service_is_found_under_its_word_everywhere(service: str) -> None:
    for place in (f"services/{service}/__main__.py", f"gateway/{service}/client.py", f"k8s/base/{service}"):
        assert (ROOT / place).exists(), place
    assert any(re.match(rf"tests/{service}/(\w+/)?test_", shown(path)) for path in files())


def test_the_protos_and_the_gateway_know_no_other_service() -> None:
    protos = {path.name for path in (ROOT / "protos" / "rundblick").iterdir() if path.is_dir()}
    assert protos - {"shared", "__pycache__"} == set(services())
    with_client = {path.parent.name for path in (ROOT / "gateway").glob("*/client.py")}
    assert with_client == set(services())


def test_every_noun_is_under_the_contract_of_its_layers() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    [inside] = [contract for contract in contracts if contract["name"].startswith("Inside a noun")]
    assert inside["containers"] == [f"services.{service}.{noun}" for service, noun in noun_folders()]


def test_every_module_opens_with_what_it_is_for() -> None:
    silent = [shown(path) for path in python() if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_no_file_is_longer_than_one_sitting() -> None:
    lengths = {shown(path): len(path.read_text().splitlines()) for path in python()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_every_repository_method_takes_the_caller_first() -> None:
    without: list[str] = []
    for path in (ROOT / "services").rglob("repository.py"):
        for owner in ast.walk(ast.parse(path.read_text())):
            if isinstance(owner, ast.ClassDef):
                without += [
                    f"{shown(path)}: {method.name}"
                    for method in owner.body
                    if isinstance(method, ast.AsyncFunctionDef)
                    and not method.name.startswith("_")
                    and method.name != "ensure_indexes"
                    and [argument.arg for argument in method.args.args[:2]] != ["self", "caller"]
                ]
    assert without == []


def test_no_file_names_a_registry_or_a_place_on_one_machine() -> None:
    found = [
        f"{shown(path)}: {name}"
        for path in files()
        if path.suffix not in (".gz", ".zst", ".png")
        for name in FOREIGN
        if name in path.read_text(errors="ignore")
    ]
    assert found == []


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-runtime.lock"])
def test_a_lock_pins_and_hashes_every_package_and_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text()
    requirements = re.findall(r"^(?![ #\n]).+?(?=^(?![ ])|\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(requirements) > 40
    for requirement in requirements:
        assert re.match(r"[A-Za-z0-9._-]+==\S+", requirement), requirement[:80]
        assert "--hash=sha256:" in requirement, requirement[:80]
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)


def test_the_image_holds_nothing_that_was_not_tested() -> None:
    def pinned(lock: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (ROOT / lock).read_text(), re.MULTILINE))

    assert pinned("requirements-runtime.lock") < pinned("requirements.lock")


def test_every_direct_dependency_is_locked() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[<>=;!~\[ ]", requirement, maxsplit=1)[0].lower() for requirement in wanted}
    locked = set(re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    assert names - locked == set()


def test_the_tree_in_the_readme_is_the_tree() -> None:
    block = (ROOT / "README.md").read_text().partition("## The tree")[2].split("```")[1]
    said = set(re.findall(r"^([\w.-]+/?)", block, re.MULTILINE)) | set(re.findall(r"\b[A-Z]+\.md|\bLICENSE\b", block))
    there = {path.relative_to(ROOT).parts for path in files()}
    top = {parts[0] + ("/" if len(parts) > 1 else "") for parts in there if not parts[0].startswith(".")}
    assert said == top


def test_links_between_pages_lead_somewhere() -> None:
    dead = [
        f"{shown(page)}: {target}"
        for page in files()
        if page.suffix == ".md"
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert dead == []


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    named = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text())
    assert named == sorted(path.name for path in folder.glob("[0-9]*.md"))
