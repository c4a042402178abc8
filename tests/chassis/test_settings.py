"""Settings are read from the environment, and a wrong one is refused at the start."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from chassis.settings import ServiceSettings, read
from cli.certs import renew, tls_of
from cli.system import tls_variables


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNDBLICK_LISTEN_ADDRESS", "0.0.0.0:50051")
    monkeypatch.setenv("RUNDBLICK_TOKEN_ALGORITHMS", "ES256, EdDSA")
    settings = ServiceSettings()
    assert (settings.listen_address, settings.algorithms) == ("0.0.0.0:50051", ("ES256", "EdDSA"))


def test_an_unknown_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNDBLICK_ENV", "prod")
    with pytest.raises(ValidationError, match="env"):
        ServiceSettings()


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """A process that has all it needs but an issuer."""
    renew(tmp_path, ("customers",))
    for name, value in tls_variables(tls_of(tmp_path, "customers")).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RUNDBLICK_ENV", "production")
    return monkeypatch


def test_production_does_not_start_without_an_issuer_and_says_so_in_one_line(
    production: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read(ServiceSettings)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "RUNDBLICK_ENV=production needs an issuer of tokens: set RUNDBLICK_ISSUER\n"
    production.setenv("RUNDBLICK_ISSUER", "https://issuer.example")
    assert read(ServiceSettings).issuer == "https://issuer.example"


@pytest.mark.parametrize("algorithms", ["HS256", "none", "RS256 HS512", "ES256 none", " "])
def test_algorithms_that_anybody_could_sign_with_are_refused(monkeypatch: pytest.MonkeyPatch, algorithms: str) -> None:
    monkeypatch.setenv("RUNDBLICK_TOKEN_ALGORITHMS", algorithms)
    with pytest.raises(ValidationError, match="RUNDBLICK_TOKEN_ALGORITHMS"):
        ServiceSettings()


@pytest.mark.parametrize("table", ["no table", "[agent]\nscopes = []", "[agent]\nmeaning = ''\nscopes = [1]"])
def test_a_wrong_table_of_roles_is_refused_at_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, table: str
) -> None:
    (tmp_path / "roles.toml").write_text(table)
    monkeypatch.setenv("RUNDBLICK_ROLES", str(tmp_path / "roles.toml"))
    with pytest.raises(ValidationError, match="RUNDBLICK_ROLES"):
        ServiceSettings()


def test_by_default_a_process_listens_on_this_machine_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNDBLICK_LISTEN_ADDRESS", raising=False)
    assert ServiceSettings().listen_address.startswith("127.0.0.1:")
