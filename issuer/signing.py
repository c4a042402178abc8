"""The keys that sign development tokens: files in one folder, that only their owner reads."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from jwt.algorithms import ECAlgorithm

from chassis.caller import Caller
from chassis.ids import new_id
from chassis.times import utc_now

ALGORITHM = "ES256"
AUDIENCE = "rundblick"
# The one that signs, and the one before it, whose tokens are still out.
_KEPT = 2
_RENEWED_AFTER = timedelta(days=30)


class SigningKeys:
    """The newest signs. Another process may add one at any time: the folder is read anew whenever it counts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def jwks(self) -> dict[str, Any]:
        """What others need to check signatures."""
        return {"keys": [_public(file) for file in self._files() or [self.rotate()]]}

    def signed(self, claims: Mapping[str, Any]) -> str:
        files = self._files()
        newest = files[-1] if files else self.rotate()
        return jwt.encode(dict(claims), newest.read_bytes(), algorithm=ALGORITHM, headers={"kid": newest.stem})

    def rotate(self) -> Path:
        """A new key, which signs from now on; what the one before it signed is still believed."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        file = self.folder / f"{new_id('key')}.pem"
        # Written aside, so that nobody reads half of it.
        unfinished = file.with_suffix(".unfinished")
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
            written.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        unfinished.rename(file)
        for old in self._files()[:-_KEPT]:
            old.unlink(missing_ok=True)
        return file

    def rotate_if_due(self, now: datetime) -> None:
        files = self._files()
        if not files or datetime.fromtimestamp(files[-1].stat().st_mtime, UTC) < now - _RENEWED_AFTER:
            self.rotate()

    def _files(self) -> list[Path]:
        # Their names are ids, which grow with time.
        return sorted(self.folder.glob("key_*.pem"))


class Issuer:
    """Makes tokens. url: as in `iss`."""

    def __init__(self, url: str, keys: SigningKeys) -> None:
        self.url = url
        self.keys = keys

    def token(self, claims: Mapping[str, Any], *, seconds: float) -> str:
        """seconds: how long it is valid."""
        now = utc_now()
        common = {"iss": self.url, "aud": AUDIENCE, "iat": now, "exp": now + timedelta(seconds=seconds)}
        return self.keys.signed({**common, "jti": new_id("tok"), **claims})


def claims_of(caller: Caller) -> dict[str, Any]:
    """What a token says of a caller; what is not known of them, it leaves out."""
    claims = {
        "sub": caller.subject,
        "scope": " ".join(sorted(caller.scopes)),
        "roles": sorted(caller.roles),
        "employee": caller.employee,
        "team": caller.team,
        "sources": None if caller.sources is None else sorted(caller.sources),
    }
    return {name: value for name, value in claims.items() if value is not None}


def _public(file: Path) -> dict[str, Any]:
    key = load_pem_private_key(file.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{file} is no key of this issuer")
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": file.stem, "use": "sig", "alg": ALGORITHM}
