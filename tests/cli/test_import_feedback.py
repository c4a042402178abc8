"""Files of feedback, of e-mails and of a city's cases come into a running system from the command line, once."""

import json
import mailbox
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.feedback_importing import FeedbackMapping, feedback_batches
from cli.mail_importing import mail_batches, mails_of
from cli.mapping import MappingError, read
from cli.rows import FileError, open_rows
from cli.system import System, running_system
from tests.cli.test_command import one_line, rundblick
from tests.feedback.mail.conftest import LETTERS, letters
from tests.journeys.conftest import BOSTON, Graph
from tests.journeys.test_boston import FIGURES, check_against

SAN_FRANCISCO = BOSTON.parent / "sf311"
EXAMPLE = Path(__file__).parents[2] / "examples" / "feedback"
MAPPING = EXAMPLE / "mapping.toml"

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running_system(tmp_path_factory.mktemp("system")) as running:
        yield running


def asked(system: System, query: str) -> Any:
    answer = httpx.post(f"{system.endpoint}/graphql", json={"query": query}, timeout=30).json()
    assert "errors" not in answer, answer
    return answer["data"]


def test_a_file_of_feedback_is_taken_once_and_what_is_wrong_is_listed(system: System, tmp_path: Path) -> None:
    file = tmp_path / "feedback.csv"
    wrong = "6,yesterday,,,,,,Hm,,no\n7,2026-03-05T08:00:00,,,nowhere,,,Hm,,no\n8,2026-03-05T08:00:00,,,,,,,,no\n"
    file.write_text((EXAMPLE / "feedback.csv").read_text() + wrong)
    command = ("import", "feedback", str(file), "--mapping", str(MAPPING), "--endpoint", system.endpoint)
    first = rundblick(*command, cwd=tmp_path)
    assert first.returncode == 3, first.stdout + first.stderr
    assert "5 created, 0 changed, 0 unchanged, 3 rejected" in first.stdout
    listed = (tmp_path / "feedback.csv.rejected.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in listed[1:]] == [["7", "written"], ["8", "touchpoint"], ["9", "text"]]
    file.write_text((EXAMPLE / "feedback.csv").read_text().replace("alte Adresse", "alte Anschrift"))
    again = rundblick(*command, cwd=tmp_path)
    assert "0 created, 1 changed, 4 unchanged, 0 rejected" in again.stdout, again.stdout
    fields = "kind text receivedAt score { kind value } customer { displayName }"
    query = f"{{ feedback(first: 20) {{ edges {{ node {{ {fields} }} }} }} }}"
    found = [edge["node"] for edge in asked(system, query)["feedback"]["edges"]]
    kinds = {one["text"]: one["kind"] for one in found}
    assert kinds["Bitte auch samstags liefern."] == "WISH"
    assert kinds["Die Rechnung zeigt die alte Anschrift."] == "PROBLEM"
    [rating] = [one for one in found if one["score"]]
    assert (rating["kind"], rating["score"]) == ("RATING", {"kind": "CSAT", "value": 4.0})
    assert {one["customer"]["displayName"] for one in found if one["customer"]} == {
        "Kim Beispiel",
        "Alex Beispiel",
        "Jo Beispiel",
    }
    assert found[-1]["receivedAt"].startswith("2026-03-02T08:15:00"), "read in the zone of the mapping"


def test_a_mailbox_file_and_a_folder_of_mails_hold_the_same(system: System, tmp_path: Path) -> None:
    file = tmp_path / "support.mbox"
    box = mailbox.mbox(file)
    for content in letters():
        box.add(content)
    box.close()
    options = ("--own", "example.com", "--touchpoint", "support", "--endpoint", system.endpoint, "--batch", "5")
    first = rundblick("import", "mail", str(file), *options, cwd=tmp_path)
    # What a program sent or what names an enquiry that is not here opens none of its own.
    assert first.returncode == 0, first.stdout + first.stderr
    assert "5 created, 7 changed, 0 unchanged, 0 rejected" in first.stdout
    assert "left out" in (tmp_path / "support.mbox.rejected.csv").read_text()
    again = rundblick("import", "mail", str(LETTERS), *options, cwd=tmp_path)
    assert "0 created, 0 changed, 12 unchanged, 0 rejected" in again.stdout, again.stdout
    unsaid = rundblick("import", "mail", str(file), "--endpoint", system.endpoint, cwd=tmp_path)
    assert "RUNDBLICK_MAIL_OWN" in one_line(unsaid)


def test_the_figures_of_the_san_francisco_file_are_those_computed_independently(system: System, tmp_path: Path) -> None:
    command = ("import", "enquiries", str(SAN_FRANCISCO / "sf311_2008_2018.csv.gz"))
    options = ("--mapping", str(SAN_FRANCISCO / "mapping.toml"), "--endpoint", system.endpoint)
    done = rundblick(*command, *options, cwd=tmp_path)
    assert "5030 created, 0 changed, 0 unchanged, 0 rejected" in done.stdout, done.stdout + done.stderr
    reference = json.loads((Path(__file__).parent / "reference_sf311.json").read_text())
    period = {"start": "2008-01-01T00:00:00Z", "end": "2019-01-01T00:00:00Z"}
    whole = reference["all"]["n_total"] - reference["all"]["n_negative"]
    graph = Graph(system.endpoint)
    data = graph.until(
        FIGURES,
        lambda data: data["kpi"]["result"]["open"]["received"] == whole,
        seconds=60,
        period=period,
    )
    check_against(data["kpi"]["result"], reference["all"], "not given")
    names = {edge["node"]["id"]: edge["node"]["name"] for edge in data["touchpoints"]["edges"]}
    rows = {names[row["key"][0]["value"]]: row["result"] for row in data["kpi"]["breakdown"]}
    assert rows.keys() == reference["per_channel"].keys()
    for name, expected in reference["per_channel"].items():
        check_against(rows[name], expected, "not given")


def test_what_is_no_mailbox_and_no_mapping_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.mbox").write_text("Hello")
    with pytest.raises(FileError, match="no mbox"):
        list(mails_of(tmp_path / "x.mbox"))
    with pytest.raises(FileError):
        list(mails_of(tmp_path / "nothing.mbox"))
    (tmp_path / "mapping.toml").write_text(MAPPING.read_text().replace("external_id", "external"))
    with pytest.raises(MappingError, match="external_id"):
        read(FeedbackMapping, tmp_path / "mapping.toml")


def test_batches_end_where_they_are_full(tmp_path: Path) -> None:
    batches = list(mail_batches(LETTERS, ["example.com"], None, 5))
    assert [len(batch.request.mails) for batch in batches] == [5, 5, 3]
    assert [batch.request.batch for batch in batches] == [1, 2, 3]
    with open_rows(EXAMPLE / "feedback.csv") as rows:
        sizes = [len(one.request.feedback) for one in feedback_batches(rows, read(FeedbackMapping, MAPPING), 2)]
    assert sizes == [2, 2, 1]
    for name, megabytes in (("a", 3), ("b", 3), ("c", 16)):
        (tmp_path / f"{name}.eml").write_bytes(b"x" * megabytes * 1_000_000)
    large = list(mail_batches(tmp_path, ["example.com"], None, 5))
    assert [[mail.line for mail in batch.request.mails] for batch in large] == [[1], [2], []]
    assert [row.line for batch in large for row in batch.rejected] == [3]
