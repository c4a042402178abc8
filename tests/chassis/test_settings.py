"""Settings are read from the environment, and a wrong one is refused at the start."""

import pytest
from pydantic import ValidationError

from chassis.settings import ServiceSettings


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNDBLICK_LISTEN_ADDRESS", "0.0.0.0:50051")
    monkeypatch.setenv("RUNDBLICK_ENV", "production")
    settings = ServiceSettings()
    assert (settings.listen_address, settings.env) == ("0.0.0.0:50051", "production")


def test_an_unknown_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNDBLICK_ENV", "prod")
    with pytest.raises(ValidationError, match="env"):
        ServiceSettings()


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNDBLICK_TOKEN_SECRET", "between us")
    assert "between us" not in repr(ServiceSettings())


def test_by_default_a_process_listens_on_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNDBLICK_LISTEN_ADDRESS", raising=False)
    assert ServiceSettings().listen_address.startswith("127.0.0.1:")
