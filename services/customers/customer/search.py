"""What MongoDB is asked for to find customers by what people type, and the limits on how much it looks at."""

import re
from collections.abc import Sequence

from bson.regex import Regex

from chassis.mongo import Document
from services.customers.customer.domain.searching import NAME, Search, near

# Of those that are like it so many are weighed, of so many that have its longest word.
_WEIGHED = 60
_LOOKED_AT = 500
# Of less the beginning of names is enough.
_SHORTEST = 3
# One word may have a slip, of so many.
_SLIPS = 3
# What is kept to find customers is not needed to show them.
SHOWN = {"terms": 0, "near": 0}


def beginning(search: Search, field: str) -> Document:
    """The condition for names that begin so."""
    return {field: {"$gte": search.name, "$lt": search.end}}


def alike(search: Search, conditions: Document, collection: str) -> list[Document]:
    """The stages that add what may be like it: by the name as it is shown, by a word or another term, by a slip."""
    found = [_some(conditions, beginning(search, "folded_name"), [])]
    if len(search.name) >= _SHORTEST and search.words:
        first, *others = search.words
        found.append(_some(conditions, {"terms": _begins(NAME + first)}, others))
    found += [
        _some(conditions, {"near": {"$in": near([word])}}, [one for one in search.words if one != word])
        for word in search.words[:_SLIPS]
        if len(word) >= _SHORTEST
    ]
    if search.begins:
        found.append(_some(conditions, {"terms": {"$in": [_begins(term) for term in search.begins]}}, []))
    return [{"$unionWith": {"coll": collection, "pipeline": stages}} for stages in found]


def _some(conditions: Document, by: Document, others: Sequence[str]) -> list[Document]:
    """others: the words that names must have too."""
    found: list[Document] = [{"$match": {"$and": [conditions, by]}}]
    if others:
        rest = [{"terms": _begins(NAME + word)} for word in others]
        found += [{"$limit": _LOOKED_AT}, {"$match": {"$and": rest}}]
    return [*found, {"$limit": _WEIGHED}, {"$project": {"near": 0}}, {"$set": {"alike": True}}]


def _begins(term: str) -> "Regex[str]":
    # Not re.compile: the flag for Unicode that it carries keeps MongoDB from reading the beginning as bounds.
    return Regex("^" + re.escape(term))
