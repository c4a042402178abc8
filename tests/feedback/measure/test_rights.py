"""What the feedback process asks for on its own account because of measures, it may ask for."""

import pytest

from tests.callers import EVERYWHERE


@pytest.mark.parametrize(
    "method",
    [
        *("BatchGetEmployees", "BatchGetOffers", "BatchGetCampaigns", "BatchGetContactPermissions", "SendDeliveries"),
        *("BatchGetKpis", "PutMeasures", "RecordInteractions", "BatchGetAliases"),
    ],
)
def test_the_process_may_make_its_calls(method: str) -> None:
    assert EVERYWHERE.processes["feedback"].intersection(EVERYWHERE.scopes_of(method))
