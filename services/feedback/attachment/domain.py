"""Which files are taken, and what may be done with them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from chassis.errors import Conflict, InvalidInput, NotFound

LONGEST_NAME = 200
MOST_OF_A_MESSAGE = 20
# What no message takes within this time is removed.
KEPT_UNTAKEN = timedelta(days=1)
# So many bytes tell what a file is.
HEAD = 16

_IMAGES = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/bmp": (b"BM",),
    "image/tiff": (b"II*\x00", b"MM\x00*"),
}
# Windows, Linux, macOS (in both orders, and for several processors; Java begins alike), scripts.
_EXECUTABLES = (
    b"MZ",
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"#!",
)
_PDF = "application/pdf"


class State(Enum):
    """UPLOADING: not all of it is here. REMOVING: it goes, whatever happens."""

    UPLOADING = "UPLOADING"
    PENDING = "PENDING"
    CLEAN = "CLEAN"
    INFECTED = "INFECTED"
    UNSCANNED = "UNSCANNED"
    REMOVING = "REMOVING"


class AttachmentNotFound(NotFound):
    def __init__(self, id: str, path: tuple[str, ...] = ("id",)) -> None:
        super().__init__(f"there is no attachment {id[:40]}", path)


class NotClean(Conflict):
    def __init__(self, id: str, state: State) -> None:
        why = "is infected" if state is State.INFECTED else "is not scanned yet"
        super().__init__(f"{id} {why}", ("id",))


@dataclass(frozen=True, slots=True)
class Attachment:
    """uploader: the subject of who brought it, who alone sees it until a message takes it.

    internal: of an internal note. size: bytes; 0 until all of it is here.
    """

    id: str
    name: str
    content_type: str
    source: str
    uploader: str
    uploaded_at: datetime
    state: State = State.UPLOADING
    size: int = 0
    team: str | None = None
    owner: str | None = None
    enquiry: str | None = None
    message: str | None = None
    internal: bool = False

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > LONGEST_NAME or not self.name.isprintable():
            raise InvalidInput(f"a name has 1 to {LONGEST_NAME} printable characters", ("name",))
        if "/" in self.name or "\\" in self.name:
            raise InvalidInput("a name holds no path", ("name",))


@dataclass(frozen=True, slots=True)
class Allowed:
    """largest: bytes. types: media types, without parameters."""

    largest: int
    types: frozenset[str]

    def require_type(self, content_type: str) -> None:
        if content_type not in self.types:
            raise InvalidInput(f"the type {content_type[:80]!r} is not taken", ("content_type",))

    def require_size(self, size: int) -> None:
        if size > self.largest:
            raise InvalidInput(f"an attachment has at most {self.largest} bytes", ("size",))


def plain_type(content_type: str) -> str:
    """The media type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def require_what_it_says(content_type: str, head: bytes) -> None:
    """head: the first bytes. InvalidInput: a program, or an image or PDF that is none."""
    if not head:
        raise InvalidInput("an attachment is not empty", ("data",))
    if head.startswith(_EXECUTABLES):
        raise InvalidInput("programs are not taken", ("content_type",))
    if not _begins_as(content_type, head):
        raise InvalidInput(f"its bytes are not {content_type}", ("content_type",))


def _begins_as(content_type: str, head: bytes) -> bool:
    if content_type == _PDF:
        return head.startswith(b"%PDF-")
    if content_type == "image/webp":
        return head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    if content_type.startswith("image/"):
        # An image of a kind whose beginning is not known is not believed to be one.
        return head.startswith(_IMAGES.get(content_type, ()))
    return True


def require_served(attachment: Attachment, *, scanner: bool) -> None:
    """NotClean: nobody knows yet, or it is infected. Where there is no scanner nothing waits for one."""
    served = (State.CLEAN,) if scanner else (State.CLEAN, State.UNSCANNED)
    if attachment.state not in served:
        raise NotClean(attachment.id, attachment.state)
