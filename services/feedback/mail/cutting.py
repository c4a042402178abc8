"""What somebody newly wrote in an e-mail: without what it quotes, and without the signature.

Better too much than too little: only what is surely a quotation or a signature goes, and never all of it.
"""

import html
import re

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString
from mailparser_reply.parser import EmailMessage

_LANGUAGES = ("de", "en")
# The search for what heads a quotation takes the square of these; it comes early, and is short.
_LONGEST_LINE = 200
_MOST_LINES = 300
# A page with more tags than people's mails have is read without looking for quotations: that takes their square.
_MOST_TAGS = 2_000

# Behind each of these comes what was written before. Outlook, on the web and on the desktop; Yahoo.
_QUOTED_FROM = ("#divRplyFwdMsg", "#appendonsend", "#mail-editor-reference-message-container", ".yahoo_quoted")
# Gmail, Thunderbird, Apple Mail; an Outlook rule above the quoted headers.
_QUOTED = (".gmail_quote", ".moz-cite-prefix", "blockquote[type=cite]", "blockquote.gmail_quote")
_RULE = re.compile(r"border-top:\s*solid\s+#?\w+\s+1", re.IGNORECASE)
_SIGNATURES = (".gmail_signature", "#Signature", ".moz-signature", "#ms-outlook-mobile-signature")
_HIDDEN = re.compile(r"<(script|style|head|title)\b.*?</\1>", re.IGNORECASE | re.DOTALL)
_BREAK = re.compile(r"<(br|/p|/div|/li|/tr|/h[1-4])\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
_BLOCKS = ("p", "div", "li", "tr", "h1", "h2", "h3", "h4", "blockquote", "pre", "ul", "ol", "table")

_ORIGINAL = re.compile(
    r"^[-_]{4,} ?((original|forwarded) message|(urspr\w+|weitergeleitete) nachricht) ?[-_]{4,}$", re.IGNORECASE
)
_RULER = re.compile(r"^_{20,}$")
_DELIMITER = re.compile(r"^--\s?$")
# Alone on their line: within a sentence they are the customer's words.
_CLOSINGS = (
    r"(mit |viele |liebe |beste |schöne |herzliche )?(freundliche[nm]? |vielen |lieben |besten |herzlichen )?"
    r"(gr(ü|ue)(ß|ss)(en|e)?|gru(ß|ss))( aus [\w-]+)?",
    r"mfg|vg|lg",
    r"(with )?((best|kind|kindest|warm) )?(regards|wishes)",
    r"best|cheers|(yours )?sincerely|yours (truly|faithfully)",
)
_CLOSING = re.compile(f"^({'|'.join(_CLOSINGS)})[,.!]?$", re.IGNORECASE)
_SENT_FROM = re.compile(
    r"^(sent from (my |outlook|mail for)|get outlook for|von meinem \w+ gesendet|gesendet (von|mit) |"
    r"diese nachricht wurde von meinem )",
    re.IGNORECASE,
)
_LONGEST_SIGNATURE = 12


def text_of_html(page: str) -> str:
    """The text of a page without what its mail program marked as quoted or as a signature."""
    if page.count("<") > 2 * _MOST_TAGS:
        return _tidied(html.unescape(_TAG.sub("", _BREAK.sub("\n", _HIDDEN.sub("", page)))))
    soup = BeautifulSoup(page, "html.parser")
    for tag in soup(["script", "style", "head", "title"]):
        tag.decompose()
    whole = _text(soup)
    for selector in _QUOTED_FROM:
        if (mark := soup.select_one(selector)) is not None:
            _cut_from(mark)
    if isinstance(rule := soup.find("div", style=_RULE), Tag):
        _cut_from(rule)
    for tag in soup.select(", ".join((*_QUOTED, *_SIGNATURES))):
        tag.decompose()
    return _text(soup) or whole


def newly_written(text: str) -> str:
    lines = _tidy(text)
    begins, ends = _header_of_quoted(lines)
    kept = _without_signature(_without_trailing_quotes(lines[:begins]))
    if not any(line.strip() for line in kept):
        # Answers between what they answer: what is quoted goes line by line.
        rest = [*lines[:begins], *lines[ends:]]
        kept = _without_signature([line for line in rest if not line.lstrip().startswith(">")])
    return "\n".join(_tidy("\n".join(kept)) if any(line.strip() for line in kept) else lines).strip()


def _tidy(text: str) -> list[str]:
    """Lines without blanks at their ends, of empty ones at most two together."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n").split("\n")


def _header_of_quoted(lines: list[str]) -> tuple[int, int]:
    """Where what heads a quotation begins, and the line behind it; both behind the last one, when nothing is quoted."""
    marked = next((at for at, line in enumerate(lines) if _is_mark(lines, at, line)), len(lines))
    shortened = [line[:_LONGEST_LINE] for line in lines[: min(marked, _MOST_LINES)]]
    # The parser takes the text apart at the headers of quotations; all before the first one is new.
    parts = EmailMessage(text="\n".join(shortened), languages=list(_LANGUAGES)).read().replies
    header = next((part.headers.split("\n") for part in parts if part.headers), None)
    if header is not None:
        for at in range(len(shortened)):
            if [line.strip() for line in shortened[at : at + len(header)]] == header:
                return at, at + len(header)
    return marked, min(marked + 1, len(lines))


def _is_mark(lines: list[str], at: int, line: str) -> bool:
    if _ORIGINAL.match(line.strip()):
        return True
    following = next((one for one in lines[at + 1 : at + 3] if one.strip()), "")
    return bool(_RULER.match(line.strip())) and bool(re.match(r"\W*(From|Von):", following))


def _without_trailing_quotes(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith(">")):
        end -= 1
    return lines[:end]


def _without_signature(lines: list[str]) -> list[str]:
    written = [at for at, line in enumerate(lines) if line.strip()]
    last = written[-_LONGEST_SIGNATURE:]
    for at in written[1:]:
        line = lines[at].strip()
        if _DELIMITER.match(line) or (at >= last[0] and (_CLOSING.match(line) or _SENT_FROM.match(line))):
            return lines[:at]
    return lines


def _cut_from(tag: Tag) -> None:
    """All that comes behind the beginning of this tag, in whatever it lies."""
    for following in list(tag.find_all_next(string=True)):
        following.extract()
    tag.decompose()


def _text(soup: BeautifulSoup) -> str:
    """Its lines end where blocks begin and end."""
    pieces: list[str] = []
    for piece in soup.descendants:
        if isinstance(piece, Tag):
            pieces += ["\n"] * (piece.name == "br" or piece.name in _BLOCKS)
        elif isinstance(piece, NavigableString) and type(piece) is NavigableString:
            pieces.append(piece.replace("\n", " "))
            last_of = piece.parent
            pieces += ["\n"] * (last_of is not None and last_of.name in _BLOCKS and piece.next_sibling is None)
    return _tidied("".join(pieces))


def _tidied(text: str) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(" ".join(line.split()) for line in text.split("\n"))).strip()
