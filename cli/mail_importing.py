"""Mails of a mbox file, or of a folder of .eml files, in batches."""

import mailbox
from collections.abc import Iterator
from pathlib import Path

from rundblick.feedback.v1 import mail_pb2 as pb

from cli.importing import Batch, Rejected
from cli.rows import FileError

# A call takes 16 MB; a mail is not cut in two.
_LARGEST = 15_000_000
_BATCH_BYTES = 4_000_000


def mails_of(path: Path) -> Iterator[bytes]:
    """As they came over the wire, in their order. FileError: it is neither."""
    if path.is_dir():
        for mail in sorted(path.rglob("*.eml")):
            yield mail.read_bytes()
        return
    try:
        with path.open("rb") as file:
            begin = file.read(5)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from None
    if begin != b"From ":
        raise FileError(f"{path} is no mbox file: it does not begin with a line 'From '")
    box = mailbox.mbox(path, create=False)
    try:
        for key in box.keys():  # noqa: SIM118  # a mailbox is no dict
            yield box.get_bytes(key)
    finally:
        box.close()


def mail_batches(path: Path, own: list[str], touchpoint: str | None, size: int) -> Iterator[Batch]:
    """own: addresses and domains of the company. FileError."""
    batch, held = _fresh(1, own, touchpoint), 0
    for line, content in enumerate(mails_of(path), start=1):
        if batch.read and (batch.read >= size or held + len(content) > _BATCH_BYTES):
            number = batch.request.batch
            yield batch
            batch, held = _fresh(number + 1, own, touchpoint), 0
        batch.read += 1
        if len(content) > _LARGEST:
            batch.rejected.append(Rejected(line, "", f"it has more than {_LARGEST // 1_000_000} MB"))
            continue
        held += len(content)
        batch.request.mails.append(pb.RawMail(line=line, content=content))
    if batch.read:
        yield batch


def _fresh(number: int, own: list[str], touchpoint: str | None) -> Batch:
    return Batch(pb.ImportMailsRequest(batch=number, own=own, touchpoint_key=touchpoint or ""), 0, 0)
