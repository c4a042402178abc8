"""Secrets of endpoints as they are kept: sealed with a key that the database does not know.

A secret signs, so it must come back as it was; a hash would not do.
"""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from chassis.errors import Conflict

_PLAIN = "whsec_"


class NoKey(Conflict):
    def __init__(self) -> None:
        super().__init__("no endpoint can be kept: RUNDBLICK_SECRET_KEY of the customers process is not set", ("url",))


class Unsealable(Exception):
    """None of the keys opens it."""


class Sealing:
    """keys: as Fernet takes them. The first seals, all open; without any, secrets are kept as they are.

    ValueError: a key is none. required: without a key nothing is kept.
    """

    def __init__(self, keys: Sequence[str] = (), *, required: bool = False) -> None:
        self._keys = [Fernet(key) for key in keys]
        self._required = required

    def sealed(self, secret: str) -> str:
        """NoKey."""
        if self._keys:
            return self._keys[0].encrypt(secret.encode()).decode()
        if self._required:
            raise NoKey
        return secret

    def opened(self, kept: str) -> str:
        """Unsealable. What was kept before there was a key is read as it is."""
        if kept.startswith(_PLAIN):
            return kept
        if not self._keys:
            raise Unsealable
        try:
            return MultiFernet(self._keys).decrypt(kept).decode()
        except InvalidToken:
            raise Unsealable from None

    def anew(self, kept: str) -> str | None:
        """Sealed with the first key; None: it is already, or there is no key. Unsealable."""
        if not self._keys:
            return None
        try:
            self._keys[0].decrypt(kept)
        except InvalidToken:
            return self.sealed(self.opened(kept))
        return None
