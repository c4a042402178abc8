"""Which text an operation runs: sent whole, known by its hash, or one of those that the company published.

Automatic persisted queries: https://www.apollographql.com/docs/apollo-server/performance/apq
Persisted documents: https://github.com/graphql/graphql-over-http/blob/main/spec/Appendix%20A%20--%20Persisted%20Documents.md
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from gateway.errors import RequestError

# Of both together no more is kept, however many clients send whatever they like.
_KEPT = 1_000
_LONGEST = 50_000
_SHA256 = "sha256:"


@dataclass(frozen=True, slots=True)
class Said:
    """What a request says of its document. id: without a prefix; hash: of automatic persisted queries."""

    text: str | None = None
    id: str | None = None
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """trusted: published by the company, so its size was looked at before."""

    text: str
    trusted: bool = False


class Documents:
    """trusted: text by id. only: nothing else runs."""

    def __init__(self, trusted: Mapping[str, str] | None = None, *, only: bool = False) -> None:
        self._trusted = dict(trusted or {})
        self._only = only
        self._sent: OrderedDict[str, str] = OrderedDict()

    def find(self, said: Said) -> Document:
        """RequestError: the text is not known, not allowed, or not the one whose hash was sent."""
        for id in filter(None, (said.id, said.hash)):
            if id in self._trusted:
                return Document(self._trusted[id], trusted=True)
        if self._only:
            raise RequestError("DOCUMENT_NOT_TRUSTED", "only the documents that were published here may be run")
        if said.id is not None:
            raise RequestError("PERSISTED_QUERY_NOT_FOUND", "no document is published by this id")
        if said.hash is None:
            return Document(said.text or "")
        if said.text is None:
            return self._known(said.hash)
        if hashlib.sha256(said.text.encode()).hexdigest() != said.hash:
            raise RequestError("BAD_REQUEST", "the query is not the one whose sha256Hash was sent")
        return Document(said.text)

    def keep(self, said: Said) -> None:
        """A text that runs, for whoever sends its hash alone."""
        if said.hash is None or said.text is None or len(said.text) > _LONGEST:
            return
        self._sent[said.hash] = said.text
        if len(self._sent) > _KEPT:
            self._sent.popitem(last=False)

    def _known(self, hash: str) -> Document:
        try:
            self._sent.move_to_end(hash)
        except KeyError:
            # Clients look for this very message, and send the text then.
            raise RequestError("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound", 200) from None
        return Document(self._sent[hash])


def said_by(body: Mapping[str, object]) -> Said:
    """RequestError: the request names no document, or more than one."""
    text, id, hash = body.get("query"), body.get("documentId"), _hash_in(body.get("extensions"))
    if text is not None and (not isinstance(text, str) or not text):
        raise RequestError("BAD_REQUEST", "query must be a string")
    if id is not None and (not isinstance(id, str) or not id):
        raise RequestError("BAD_REQUEST", "documentId must be a string")
    if id is not None and text is not None:
        raise RequestError("BAD_REQUEST", "a request has either a query or a documentId")
    if text is None and id is None and hash is None:
        raise RequestError("BAD_REQUEST", "query must be a string")
    return Said(text, id.removeprefix(_SHA256) if id else None, hash)


def _hash_in(extensions: object) -> str | None:
    if extensions is None:
        return None
    if not isinstance(extensions, dict):
        raise RequestError("BAD_REQUEST", "extensions must be an object")
    said = extensions.get("persistedQuery")
    if said is None:
        return None
    if not isinstance(said, dict) or said.get("version") != 1 or not isinstance(said.get("sha256Hash"), str):
        raise RequestError("PERSISTED_QUERY_NOT_SUPPORTED", "persistedQuery must have version 1 and a sha256Hash")
    return str(said["sha256Hash"]).lower()


def load(path: Path) -> dict[str, str]:
    """Text by id, of a manifest as Apollo's and Relay's tools write them. ValueError: it is none."""
    try:
        said = orjson.loads(path.read_bytes())
        if isinstance(said, dict) and isinstance(said.get("operations"), list):
            found = {str(one["id"]): str(one["body"]) for one in said["operations"]}
        else:
            found = {str(id): str(text) for id, text in said.items()}
    except (OSError, orjson.JSONDecodeError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no manifest of documents: {error}") from None
    return {id.removeprefix(_SHA256): text for id, text in found.items()}
