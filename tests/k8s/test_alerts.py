"""The alerts ask for gauges that the processes export, under the names that Prometheus gives them."""

import re
from typing import Any

import pytest

from chassis.channel import open_channel
from chassis.mongo import Database
from services.customers.wiring import CustomersService
from services.feedback.wiring import FeedbackService
from tests.k8s.test_manifests import ROOT, documents

COMPONENT = ROOT / "k8s" / "components" / "alerts"
# As tests/chassis/test_telemetry.py finds them.
OF_RELAYS = {"rundblick.outbox.pending": "{entry}", "rundblick.outbox.parked": "{entry}", "rundblick.outbox.lag": "s"}
SAID = re.compile(r"""telemetry\.gauge\("([\w.]+)", "([^"]+)",""")
GAUGES = OF_RELAYS | {
    name: unit for file in (ROOT / "services").rglob("*.py") for name, unit in SAID.findall(file.read_text())
}


def prometheus_name(gauge: str, unit: str) -> str:
    """Of the OpenTelemetry specification of compatibility: a unit in braces is only a remark."""
    return gauge.replace(".", "_") + ("_seconds" if unit == "s" else "")


def rules() -> list[dict[str, Any]]:
    [manifest] = documents(COMPONENT / "rules.yaml")
    return [rule for group in manifest["spec"]["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_asks_for_what_is_exported_and_says_what_to_do(rule: dict[str, Any]) -> None:
    asked = set(re.findall(r"rundblick_\w+", rule["expr"]))
    assert asked
    assert asked <= {prometheus_name(gauge, unit) for gauge, unit in GAUGES.items()}
    assert rule["for"]
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert rule["annotations"].keys() == {"summary", "description"}


async def test_it_is_known_how_many_relays_there_are(database: Database) -> None:
    async with open_channel("127.0.0.1:1") as nowhere:
        relays = (
            *CustomersService(database).relays(nowhere, nowhere),
            *FeedbackService(database, nowhere, nowhere).relays,
        )
    [unknown] = [rule for rule in rules() if rule["alert"] == "RundblickDeliveriesUnknown"]
    assert unknown["expr"].endswith(f"< {len(relays)}")
    assert f"of {len(relays)} relays" in unknown["annotations"]["summary"]
