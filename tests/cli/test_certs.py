"""Certificates of a development system: made once, kept while they are good, made anew before they end."""

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from cli.certs import NAMES, CertificateFault, renew, tls_of


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(tls_of(folder, name).cert.read_bytes())


def rundblick(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cli", "certs", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_certificate_names_the_process_and_where_it_answers(tmp_path: Path, name: str) -> None:
    renew(tmp_path)
    made = certificate(tmp_path, name)
    known_as = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert known_as.get_values_for_type(x509.UniformResourceIdentifier) == [f"spiffe://rundblick/{name}"]
    hosts = [name, f"{name}.rundblick", f"{name}.rundblick.svc", f"{name}.rundblick.svc.cluster.local", "localhost"]
    assert known_as.get_values_for_type(x509.DNSName) == hosts
    assert [str(address) for address in known_as.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(usage) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    made.verify_directly_issued_by(x509.load_pem_x509_certificate((tmp_path / "ca.crt").read_bytes()))


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    renew(tmp_path)
    keys = [*tmp_path.rglob("*.key")]
    assert len(keys) == len(NAMES) + 1
    assert {stat.S_IMODE(key.stat().st_mode) for key in keys} == {0o600}


def test_a_second_time_nothing_changes(tmp_path: Path) -> None:
    renew(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert renew(tmp_path) == ["authority: kept", *(f"{name}: still good" for name in NAMES)]
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_ends_soon_is_made_anew_by_the_same_authority(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    renew(tmp_path, ("customers",), days=30, now=now - timedelta(days=21))
    renew(tmp_path, ("feedback",), days=30, now=now - timedelta(days=19))
    authority = (tmp_path / "ca.crt").read_bytes()
    old = certificate(tmp_path, "customers")
    kept, customers, feedback = renew(tmp_path, ("customers", "feedback"), now=now)
    assert kept == "authority: kept"
    assert customers.startswith("customers: made, the old one ends ")
    assert feedback == "feedback: still good"
    assert (tmp_path / "ca.crt").read_bytes() == authority
    assert certificate(tmp_path, "customers").not_valid_after_utc > old.not_valid_after_utc


def test_certificates_of_another_authority_are_made_anew(tmp_path: Path) -> None:
    renew(tmp_path)
    for name in ("ca.crt", "ca.key"):
        (tmp_path / name).unlink()
    assert "gateway: made, the old one was of another authority, valid for 30 days" in renew(tmp_path)
    ca = x509.load_pem_x509_certificate((tmp_path / "ca.crt").read_bytes())
    certificate(tmp_path, "gateway").verify_directly_issued_by(ca)


@pytest.mark.parametrize("lost", ["ca.crt", "ca.key"])
def test_half_an_authority_is_not_replaced_unasked(tmp_path: Path, lost: str) -> None:
    renew(tmp_path)
    (tmp_path / lost).unlink()
    with pytest.raises(CertificateFault, match=lost):
        renew(tmp_path)


def test_the_key_of_another_authority_is_refused(tmp_path: Path) -> None:
    renew(tmp_path / "one")
    renew(tmp_path / "other")
    (tmp_path / "other" / "ca.key").replace(tmp_path / "one" / "ca.key")
    with pytest.raises(CertificateFault, match=r"ca\.key is not the key of ca\.crt"):
        renew(tmp_path / "one")


@pytest.mark.parametrize("name", ["../elsewhere", "Customers", "", "a_b"])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CertificateFault, match="is no name of a process"):
        renew(tmp_path / "certs", (name,))
    assert not (tmp_path / "certs").exists()


def test_the_command_makes_what_is_asked_and_says_what_it_did(tmp_path: Path) -> None:
    ended = rundblick(str(tmp_path), "--name", "customers", "--name", "shop", "--days", "7")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        f"authority: made, in {tmp_path / 'ca.crt'}",
        "customers: made, there was none, valid for 7 days",
        "shop: made, there was none, valid for 7 days",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca.crt", "ca.key", "customers", "shop"]


def test_the_command_makes_no_authority_in_production(tmp_path: Path) -> None:
    ended = rundblick(str(tmp_path / "certs"), RUNDBLICK_ENV="production")
    assert ended.returncode == 1
    assert "not made in production" in ended.stderr
    assert not (tmp_path / "certs").exists()


def test_a_place_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = rundblick(str(tmp_path / "file"))
    assert ended.returncode == 1
    assert ended.stderr.startswith("rundblick: no certificates in ")
    assert len(ended.stderr.splitlines()) == 1
