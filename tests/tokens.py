"""Tokens as an issuer signs them: one key for the whole run, and authenticators that believe it."""

import atexit
import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from chassis import roles
from chassis.caller import Caller
from chassis.directory import Directory
from chassis.keys import KeySet
from chassis.rights import Rights
from chassis.tokens import Authenticator, Trust
from tests.callers import EVERYWHERE

ISSUER = "https://issuer.example"
AUDIENCE = "rundblick"
KEY = ec.generate_private_key(ec.SECP256R1())
KEY_ID = "the key of this run"
JWK: Mapping[str, Any] = {**ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": KEY_ID, "use": "sig"}

_folder = tempfile.TemporaryDirectory()
atexit.register(_folder.cleanup)
JWKS = Path(_folder.name) / "jwks.json"
JWKS.write_text(json.dumps({"keys": [JWK]}))

# What settings of a process say, so that it believes these tokens.
SETTINGS: dict[str, Any] = {"issuer": ISSUER, "jwks": str(JWKS)}


def claims_of(caller: Caller, *, seconds: float = 3600) -> dict[str, Any]:
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": caller.subject,
        "iat": now,
        "exp": now + int(seconds),
        "scope": " ".join(sorted(caller.scopes)),
        "roles": sorted(caller.roles),
        "employee": caller.employee,
        "team": caller.team,
        "sources": None if caller.sources is None else sorted(caller.sources),
    }
    return {name: value for name, value in claims.items() if value is not None}


def signed(claims: Mapping[str, Any], *, key: Any = KEY, id: str | None = KEY_ID, algorithm: str = "ES256") -> str:
    return jwt.encode(dict(claims), key, algorithm=algorithm, headers={"kid": id} if id else None)


def token_for(caller: Caller, *, seconds: float = 3600) -> str:
    """seconds: how long it is valid."""
    return signed(claims_of(caller, seconds=seconds))


def trust(**options: Any) -> Trust:
    return Trust(ISSUER, KeySet(ISSUER, str(JWKS)), **options)


def authenticator(
    rights: Rights = EVERYWHERE, *, production: bool = False, directory: Directory | None = None
) -> Authenticator:
    """Believes the tokens of this run."""
    return Authenticator(rights, production=production, trust=trust(), roles=roles.load(), directory=directory)
