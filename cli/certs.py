"""An authority for development, and the certificates by which the processes of one system know each other."""

import os
import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chassis.tls import IDENTITY, Tls

# The processes, a router of subgraphs, and who calls services from the command line.
NAMES = ("customers", "feedback", "metrics", "gateway", "issuer", "router", "operator")
_AUTHORITY_DAYS = 3650
# Clocks of several machines are never quite the same.
_CLOCKS = timedelta(minutes=5)


class CertificateFault(Exception):
    """Why no certificates can be made, in one line."""


def tls_of(folder: Path, name: str) -> Tls:
    """The files of one process, as `renew` lays them down; the names are those of a Kubernetes Secret."""
    return Tls(folder / name / "tls.crt", folder / name / "tls.key", folder / name / "ca.crt")


def renew(folder: Path, names: tuple[str, ...] = NAMES, *, days: float = 30, now: datetime | None = None) -> list[str]:
    """Make what is missing, and anew what has less than a third of its time left; the authority stays.

    Returns what was done, a line each. CertificateFault: the folder cannot be written, or the authority is not whole.
    """
    now = now or datetime.now(UTC)
    for name in names:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name):
            raise CertificateFault(f"{name} is no name of a process: small letters, digits and hyphens")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        authority, key, done = _authority(folder, now)
        for name in names:
            files = tls_of(folder, name)
            why = _due(files, authority, now)
            if why is None:
                done.append(f"{name}: still good")
                continue
            _issue(files, name, authority, key, now, timedelta(days=days))
            done.append(f"{name}: made, {why}, valid for {days:g} days")
    except (OSError, ValueError) as error:
        raise CertificateFault(f"no certificates in {folder}: {error}") from None
    return done


def _authority(folder: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey, list[str]]:
    certificate_file, key_file = folder / "ca.crt", folder / "ca.key"
    if certificate_file.exists() or key_file.exists():
        # With one of the two alone every certificate would change its authority: nobody wants that unasked.
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        key = load_pem_private_key(key_file.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise ValueError("ca.key is not the key of ca.crt")
        return certificate, key, ["authority: kept"]
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Rundblick development authority")])
    certificate = (
        _builder(now, timedelta(days=_AUTHORITY_DAYS))
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(key_file, _pem(key), 0o600)
    _write(certificate_file, certificate.public_bytes(Encoding.PEM), 0o644)
    return certificate, key, [f"authority: made, in {certificate_file}"]


def _due(files: Tls, authority: x509.Certificate, now: datetime) -> str | None:
    """Why a certificate has to be made; None: it has not."""
    if not all(path.exists() for path in (files.cert, files.key, files.ca)):
        return "there was none"
    certificate = x509.load_pem_x509_certificate(files.cert.read_bytes())
    if files.ca.read_bytes() != authority.public_bytes(Encoding.PEM):
        return "the old one was of another authority"
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if end - now < (end - begin) / 3:
        return f"the old one ends {end:%Y-%m-%d %H:%M} UTC"
    return None


def _issue(
    files: Tls,
    name: str,
    authority: x509.Certificate,
    authority_key: ec.EllipticCurvePrivateKey,
    now: datetime,
    lifetime: timedelta,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    hosts = (name, f"{name}.rundblick", f"{name}.rundblick.svc", f"{name}.rundblick.svc.cluster.local", "localhost")
    addresses = ("127.0.0.1", "::1")
    known_as = [
        x509.UniformResourceIdentifier(f"{IDENTITY}{name}"),
        *(x509.DNSName(host) for host in hosts),
        *(x509.IPAddress(ip_address(address)) for address in addresses),
    ]
    both_ways = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        _builder(now, lifetime)
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName(known_as), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(both_ways), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    files.cert.parent.mkdir(exist_ok=True)
    # The certificate last: with it a running process reads all three again, and finds a key that fits.
    _write(files.ca, authority.public_bytes(Encoding.PEM), 0o644)
    _write(files.key, _pem(key), 0o600)
    _write(files.cert, certificate.public_bytes(Encoding.PEM), 0o644)


def _builder(now: datetime, lifetime: timedelta) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS)
        .not_valid_after(now + lifetime)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replaced at once: nobody reads half a file."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    fresh.replace(path)
