"""What the gateway is told is checked before it serves."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.settings import GatewaySettings


def test_a_role_gives_scopes_that_there_are(tmp_path: Path) -> None:
    table = tmp_path / "roles.toml"
    table.write_text('[clerk]\nmeaning = "reads"\nscopes = ["customers:read:own", "metrics:read"]\n')
    assert GatewaySettings(roles=table).roles == table
    for wrong in ("customers:raed", "import:own", "references:resolve"):
        table.write_text(f'[clerk]\nmeaning = "reads"\nscopes = ["customers:read", "{wrong}"]\n')
        with pytest.raises(ValidationError, match=f"the role clerk names scopes that there are not: {wrong}"):
            GatewaySettings(roles=table)
