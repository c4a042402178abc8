"""The public keys of an issuer of tokens: fetched, kept, and fetched again when a token names one that is new."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from chassis.errors import Unauthenticated, Unavailable

log = logging.getLogger(__name__)

DISCOVERY = "/.well-known/openid-configuration"
# However many unknown keys tokens name, the issuer is asked so seldom.
_PAUSE_SECONDS = 10.0
# So long a key that the issuer has withdrawn may still be believed.
_FRESH_SECONDS = 600.0
_TIMEOUT = 5.0
_SMALLEST_RSA_BITS = 2048

# What a key must be to check such a signature: nobody signs with an issuer's public key as if it were a shared secret.
_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1", "ES512": "secp521r1"}
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA", *_CURVES})


@dataclass(frozen=True, slots=True)
class Key:
    """id, algorithm: as the issuer names them; None: it does not."""

    id: str | None
    algorithm: str | None
    public: Any

    def fits(self, algorithm: str) -> bool:
        if self.algorithm not in (None, algorithm):
            return False
        if algorithm in _CURVES:
            return isinstance(self.public, EllipticCurvePublicKey) and self.public.curve.name == _CURVES[algorithm]
        if algorithm == "EdDSA":
            return isinstance(self.public, Ed25519PublicKey | Ed448PublicKey)
        return isinstance(self.public, RSAPublicKey) and self.public.key_size >= _SMALLEST_RSA_BITS


class KeySet:
    """Keys of one issuer. place: a URL or a file with a JWKS; None: where the issuer's own discovery document says.

    secure: nothing is fetched but over HTTPS. clock: in seconds.
    """

    def __init__(
        self,
        issuer: str,
        place: str | None = None,
        *,
        secure: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._place = place
        self._secure = secure
        self._clock = clock
        self._keys: tuple[Key, ...] = ()
        self._fetched: float | None = None
        self._tried: float | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def key_of(self, id: str | None, algorithm: str) -> Any:
        """The key of this id; the only one that fits, when the token names none.

        Unauthenticated: there is none. Unavailable: the issuer never answered yet.
        """
        key = self._known(id, algorithm)
        if key is None:
            await self._fetched_again()
            key = self._known(id, algorithm)
        elif self._fetched is None or self._clock() >= self._fetched + _FRESH_SECONDS:
            # Nobody waits for it: the key is known.
            self._begin()
        if key is None and self._fetched is None:
            raise Unavailable("the issuer of the token does not answer")
        if key is None:
            raise Unauthenticated("the token is signed with a key that its issuer does not have")
        return key.public

    def _known(self, id: str | None, algorithm: str) -> Key | None:
        found = [key for key in self._keys if id in (None, key.id) and key.fits(algorithm)]
        return found[0] if len(found) == 1 else None

    async def _fetched_again(self) -> None:
        task = self._begin()
        if task is not None:
            # Others wait for the same answer: who goes away does not take it from them.
            await asyncio.shield(task)

    def _begin(self) -> asyncio.Task[None] | None:
        """The fetch that runs, begun now if it is time for one."""
        if self._fetching is None and (self._tried is None or self._clock() >= self._tried + _PAUSE_SECONDS):
            self._tried = self._clock()
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            keys = _keys_of(await self._document())
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            # What is known stays: an issuer that is away for a moment shuts nobody out.
            log.warning("the keys of the issuer of tokens could not be fetched: %s", error)
        else:
            self._keys, self._fetched = keys, self._clock()
        finally:
            self._fetching = None

    async def _document(self) -> Any:
        if self._place is not None and not self._place.startswith(("http://", "https://")):
            return json.loads(await asyncio.to_thread(Path(self._place).read_bytes))
        async with httpx.AsyncClient(timeout=_TIMEOUT) as client:
            return await self._get(client, self._place or await self._discovered(client))

    async def _discovered(self, client: httpx.AsyncClient) -> str:
        said = await self._get(client, self._issuer.rstrip("/") + DISCOVERY)
        if not isinstance(said, dict) or said.get("issuer") != self._issuer:
            raise ValueError(f"the discovery document is not that of {self._issuer}")
        return str(said.get("jwks_uri"))

    async def _get(self, client: httpx.AsyncClient, url: str) -> Any:
        if self._secure and not url.startswith("https://"):
            raise ValueError(f"{url} is not fetched: anybody on the way could put other keys there")
        answer = await client.get(url)
        answer.raise_for_status()
        return answer.json()


def _keys_of(document: Any) -> tuple[Key, ...]:
    """Those that sign, of kinds that are known here; ValueError: it is no key set."""
    said = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(said, Sequence):
        raise ValueError("a key set has keys")
    return tuple(key for one in said if isinstance(one, Mapping) and (key := _key_of(one)) is not None)


def _key_of(said: Mapping[str, Any]) -> Key | None:
    try:
        if said.get("use", "sig") != "sig" or "verify" not in said.get("key_ops", ("verify",)):
            return None
        public = jwt.PyJWK(dict(said)).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return Key(said.get("kid"), said.get("alg"), public)
