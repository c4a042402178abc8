"""One page of each of many lists, with one command."""

from collections.abc import Mapping, Sequence
from typing import Any

from chassis.mongo import ONE_REPLY, Collection, Database, Document
from chassis.page import Page, keyset_filter, keyset_sort


async def documents_of_parents(
    database: Database,
    collection: Collection,
    field: str,
    parents: Sequence[str],
    page: Page,
    order: Sequence[tuple[str, int]],
    condition: Mapping[str, Any],
) -> dict[str, list[Document]]:
    """Parent -> up to one more than the page holds of the documents whose field names it; every parent has a list."""
    pipeline: list[Document] = [
        {"$documents": [{"_id": parent} for parent in dict.fromkeys(parents)]},
        {
            "$lookup": {
                "from": collection.name,
                "localField": "_id",
                "foreignField": field,
                "pipeline": [
                    {"$match": {"$and": [{}, dict(condition), keyset_filter(order, page)]}},
                    {"$sort": dict(keyset_sort(order, page))},
                    {"$limit": page.size + 1},
                ],
                "as": "found",
            }
        },
    ]
    if not parents:
        return {}
    return {document["_id"]: document["found"] async for document in database.aggregate(pipeline, batchSize=ONE_REPLY)}
