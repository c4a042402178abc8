"""The alerts ask for gauges that the processes export, under the names that Prometheus gives them."""

import re
from typing import Any

import pytest

from tests.k8s.test_manifests import ROOT, documents

COMPONENT = ROOT / "k8s" / "components" / "alerts"
# As tests/chassis/test_telemetry.py finds those of a relay; the last two are those of services/metrics/wiring.py and
# services/customers/delivery/sending.py.
GAUGES = {
    "rundblick.outbox.pending": "{entry}",
    "rundblick.outbox.parked": "{entry}",
    "rundblick.outbox.lag": "s",
    "rundblick.figures.lag": "s",
    "rundblick.deliveries.age": "s",
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
