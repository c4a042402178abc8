"""What a code is: a few characters at a touchpoint that customers name, or follow as a link."""

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from chassis.errors import InvalidInput, NotFound

# Digits and letters that nobody takes for each other, on a poster or over the phone.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 8
_LONGEST_TARGET = 2_000


class CodeNotFound(NotFound):
    def __init__(self, code: str, path: tuple[str, ...] = ("code",)) -> None:
        super().__init__(f"there is no code {code[:40]}", path)


@dataclass(frozen=True, slots=True)
class Code:
    """InvalidInput: the target is no URL of the web. target: where who follows the code is led to."""

    code: str
    touchpoint: str
    campaign: str | None = None
    target: str | None = None
    team: str | None = None
    owner: str | None = None

    def __post_init__(self) -> None:
        if self.target is not None and not _is_web(self.target):
            raise InvalidInput("a target is a URL that begins with https:// or http://", ("target",))


def _is_web(url: str) -> bool:
    if len(url) > _LONGEST_TARGET or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and bool(parts.hostname)


def new_code() -> str:
    """A random one, of 10^11: those of others are not to be guessed."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def read_code(text: str) -> str:
    """As people type it: in any case, with gaps and strokes."""
    return "".join(text.split()).replace("-", "").upper()
