"""Reads an e-mail as it came over the wire (RFC 5322): who, when, what, and whether anybody wrote it."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage, Message
from email.policy import default
from email.utils import getaddresses, parsedate_to_datetime

from services.feedback.attachment.domain import LONGEST_NAME
from services.feedback.mail.cutting import newly_written, text_of_html
from services.feedback.mail.domain import Attachment, Mail, Mailbox, Origin, Unreadable, nearest

LARGEST = 25_000_000
LONGEST_TEXT = 90_000
_LONGEST_SUBJECT = 400
_MESSAGE_ID = re.compile(r"<([^<>\s]+)>")
_AWAY = re.compile(
    r"^\W*(automatic reply|auto(matische)? ?(reply|response|antwort)|automatische antwort|abwesenheits\w*|abwesend|"
    r"out of (the )?office|ich bin (derzeit|aktuell) nicht|nicht im (büro|buero|haus))\b",
    re.IGNORECASE,
)
_REPORTS = re.compile(r"^(mailer-daemon|postmaster)@", re.IGNORECASE)


def read(content: bytes, now: datetime) -> Mail:
    """now: of the machine that reads it; nothing came in later. Unreadable: why it cannot be taken."""
    if len(content) > LARGEST:
        raise Unreadable(f"it has more than {LARGEST // 1_000_000} MB")
    try:
        return _read(content, now)
    except Unreadable:
        raise
    except (MessageError, LookupError, ValueError, TypeError, AttributeError, IndexError, RecursionError) as error:
        # The parser is meant to take everything, but what comes from outside finds what it does not.
        raise Unreadable(f"it cannot be read: {type(error).__name__}") from None


def _read(content: bytes, now: datetime) -> Mail:
    message = message_from_bytes(content, policy=default)
    senders = _mailboxes(message, "From") or _mailboxes(message, "Sender")
    if not senders:
        raise Unreadable("it has no sender")
    ids = _MESSAGE_ID.findall(_header(message, "Message-ID"))
    # References read from the oldest to the nearest.
    references = [*_ids(message, "In-Reply-To"), *reversed(_ids(message, "References"))]
    attachments = tuple(_attachments(message))
    reply_to = _mailboxes(message, "Reply-To")
    return Mail(
        id=ids[0] if ids else f"{hashlib.sha256(content).hexdigest()}@unnamed.invalid",
        sender=senders[0],
        recipients=tuple(_mailboxes(message, "To", "Cc", "Delivered-To", "X-Original-To")),
        subject=" ".join(_header(message, "Subject").split())[:_LONGEST_SUBJECT],
        text=_text(message),
        at=min(_at(message) or now, now),
        reply_to=reply_to[0] if reply_to else None,
        references=nearest(references),
        origin=_origin(message, senders[0]),
        undelivered=tuple(_undelivered(message)),
        attachments=attachments,
    )


def _header(message: Message, name: str) -> str:
    try:
        return str(message.get(name) or "")
    except (ValueError, IndexError, TypeError, AttributeError):
        # A header that breaks the rules is as good as none.
        return ""


def _mailboxes(message: Message, *names: str) -> list[Mailbox]:
    # Each by itself: one that is broken does not hide the others.
    pairs = (pair for name in names for pair in getaddresses([_header(message, name)]))
    return [Mailbox(address.lower(), name.strip()) for name, address in pairs if _is_address(address)]


def _is_address(text: str) -> bool:
    return re.fullmatch(r"[^@\s<>]{1,64}@[^@\s<>]{1,255}", text) is not None


def _ids(message: Message, name: str) -> list[str]:
    return _MESSAGE_ID.findall(_header(message, name))


def _at(message: Message) -> datetime | None:
    """When our own side had it: what the newest server on its way wrote; of what was sent from here, the date."""
    received = message.get_all("Received") or []
    for text in (*(str(one).rpartition(";")[2] for one in received[:1]), _header(message, "Date")):
        try:
            at = parsedate_to_datetime(text.strip())
        except (ValueError, TypeError, IndexError):
            continue
        # Without a zone it is meant in UTC (RFC 5322, 3.3: -0000).
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).astimezone(UTC)
    return None


def _origin(message: EmailMessage, sender: Mailbox) -> Origin:
    """As RFC 3834 has it, and as those say it who do not follow that."""
    submitted = _header(message, "Auto-Submitted").partition(";")[0].strip().lower()
    suppressed = _header(message, "X-Auto-Response-Suppress").lower()
    precedence = _header(message, "Precedence").strip().lower()
    returned = "Return-Path" in message and _header(message, "Return-Path").strip() in ("", "<>")
    replies = (
        submitted == "auto-replied",
        any(name in message for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply")),
        precedence == "auto_reply",
        message.get_content_type() == "multipart/report",
        returned,
        bool(_REPORTS.match(sender.address)),
        bool(_AWAY.match(_header(message, "Subject"))),
    )
    if any(replies):
        return Origin.REPLY
    generated = (
        submitted not in ("", "no"),
        any(word in suppressed for word in ("all", "oof", "autoreply")),
        precedence in ("bulk", "junk"),
    )
    return Origin.GENERATED if any(generated) else Origin.PERSON


def _undelivered(message: EmailMessage) -> Iterable[str]:
    """Of what a report of a mail server speaks as failed for good (RFC 3464)."""
    if message.get_content_type() != "multipart/report":
        return
    parts = list(message.walk())
    status = "\n".join(str(part) for part in parts if part.get_content_type() == "message/delivery-status")
    if not re.search(r"^Action:\s*failed", status, re.IGNORECASE | re.MULTILINE):
        return
    for part in parts:
        # The mail that came back, or its headers alone.
        if part.get_content_type() == "message/rfc822":
            for inner in part.iter_parts() if isinstance(part, EmailMessage) else ():
                yield from _ids(inner, "Message-ID")
        elif part.get_content_type() == "text/rfc822-headers":
            yield from re.findall(r"^Message-ID:\s*<([^<>\s]+)>", _content(part), re.IGNORECASE | re.MULTILINE)


def _text(message: EmailMessage) -> str:
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    text = newly_written(_content(plain)) if plain is not None else ""
    if not text and html is not None:
        text = newly_written(text_of_html(_content(html)))
    return text[:LONGEST_TEXT]


def _content(part: Message) -> str:
    """Text in the charset it names; where that is unknown or a lie, what can be read of it."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return str(part.get_payload())
    try:
        return content.decode(part.get_content_charset("utf-8"))
    except (LookupError, UnicodeDecodeError):
        return content.decode("windows-1252", errors="replace")


def _attachments(message: EmailMessage) -> Iterable[Attachment]:
    for part in message.walk():
        name = part.get_filename()
        # What the text shows, such as the company's sign below the signature, is no file that somebody sent.
        shown = part.get_content_disposition() != "attachment" and "Content-ID" in part
        if part.is_multipart() or name is None or shown:
            continue
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            yield Attachment(_file_name(str(name)), part.get_content_type(), content)


def _file_name(text: str) -> str:
    """Without a path and what cannot be printed; its end tells what it is."""
    printable = "".join(sign for sign in re.sub(r"[/\\]", "_", " ".join(text.split())) if sign.isprintable())
    return printable[-LONGEST_NAME:] or "-"
