"""What a touchpoint is: a physical or digital place where customers and the company meet."""

import re
from dataclasses import dataclass
from datetime import date
from enum import Enum

from chassis.errors import AlreadyExists, InvalidInput, NotFound

_KEY = re.compile(r"[^\s](.{0,98}[^\s])?")
_LONGEST_NAME = 200


class Channel(Enum):
    PHONE = "PHONE"
    EMAIL = "EMAIL"
    WEB_FORM = "WEB_FORM"
    WEB_SELF_SERVICE = "WEB_SELF_SERVICE"
    MOBILE_APP = "MOBILE_APP"
    CHATBOT = "CHATBOT"
    MESSENGER = "MESSENGER"
    SOCIAL_MEDIA = "SOCIAL_MEDIA"
    SMS = "SMS"
    LETTER = "LETTER"
    TRADE_FAIR = "TRADE_FAIR"
    IN_PERSON = "IN_PERSON"
    OUT_OF_HOME = "OUT_OF_HOME"
    PRINT = "PRINT"
    BROADCAST = "BROADCAST"
    PARTNER = "PARTNER"
    OTHER = "OTHER"


class Nature(Enum):
    PHYSICAL = "PHYSICAL"
    DIGITAL = "DIGITAL"


class Control(Enum):
    OWNED = "OWNED"
    PAID = "PAID"
    EARNED = "EARNED"


class TouchpointNotFound(NotFound):
    def __init__(self, id: str) -> None:
        super().__init__(f"there is no touchpoint {id}", ("id",))


class KeyTaken(AlreadyExists):
    def __init__(self, key: str) -> None:
        super().__init__(f"the key {key} belongs to another touchpoint", ("key",))


@dataclass(frozen=True, slots=True)
class Touchpoint:
    """InvalidInput: no key or name, or it ends before it begins."""

    id: str
    key: str
    name: str
    channel: Channel
    nature: Nature
    control: Control
    active_from: date | None = None
    active_to: date | None = None

    def __post_init__(self) -> None:
        if not _KEY.fullmatch(self.key):
            raise InvalidInput("a key has 1 to 100 characters and no space at its ends", ("key",))
        if not self.name.strip() or len(self.name) > _LONGEST_NAME:
            raise InvalidInput(f"a name has 1 to {_LONGEST_NAME} characters", ("name",))
        if self.active_from and self.active_to and self.active_to < self.active_from:
            raise InvalidInput(f"it ends on {self.active_to}, before it begins on {self.active_from}", ("active_to",))
