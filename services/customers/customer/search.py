"""What MongoDB is asked for to find customers by what people type, and the limits on how much it looks at."""

import re

from chassis.mongo import Document
from services.customers.customer.domain.searching import NAME, Search, near

# Of those that are like it so many are weighed, of so many that have its longest word.
_WEIGHED = 100
_LOOKED_AT = 1_000
# What is kept to find a customer is not needed to show it.
SHOWN = {"terms": 0, "near": 0}


def beginning(search: Search, field: str) -> Document:
    """The condition for names that begin so."""
    return {field: {"$gte": search.name, "$lt": search.end}}


def alike(search: Search, conditions: Document, collection: str) -> list[Document]:
    """The stages that add what may be like it: by the name as it is shown, by a word or another term, by a slip."""
    found = [_some(conditions, beginning(search, "folded_name"), {})]
    others = [{"terms": _begins(NAME + word)} for word in search.words[1:]]
    rest: Document = {"$and": others} if others else {}
    if search.words:
        found.append(_some(conditions, {"terms": _begins(NAME + search.words[0])}, rest))
        if slips := near(search.words[:1]):
            found.append(_some(conditions, {"near": {"$in": slips}}, rest))
    if search.begins:
        found.append(_some(conditions, {"terms": {"$in": [_begins(term) for term in search.begins]}}, {}))
    return [{"$unionWith": {"coll": collection, "pipeline": stages}} for stages in found]


def _some(conditions: Document, by: Document, rest: Document) -> list[Document]:
    found: list[Document] = [{"$match": {"$and": [conditions, by]}}]
    if rest:
        found += [{"$limit": _LOOKED_AT}, {"$match": rest}]
    return [*found, {"$limit": _WEIGHED}, {"$project": SHOWN}, {"$set": {"alike": True}}]


def _begins(term: str) -> "re.Pattern[str]":
    return re.compile("^" + re.escape(term))
