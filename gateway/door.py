"""What every operation passes before anything of it runs, over whichever transport it came."""

from dataclasses import dataclass, field

from graphql import OperationType

from gateway.documents import Documents
from gateway.execution import Chosen, Executor
from gateway.http import Operation
from gateway.load import Load
from gateway.rates import Rates


@dataclass(frozen=True)
class Door:
    """In front of one schema. documents, rates and load are the gateway's, whatever the schema."""

    executor: Executor
    documents: Documents = field(default_factory=Documents)
    rates: Rates = field(default_factory=lambda: Rates(0, 0))
    load: Load = field(default_factory=lambda: Load(0))

    async def admit(self, operation: Operation, client: str) -> Chosen:
        """The operation that is asked for. RefusedDocument, RequestError: it does not run, or not now."""
        document = self.documents.find(operation.said)
        prepared = self.executor.prepare(document.text, trusted=document.trusted)
        chosen = self.executor.choose(prepared, operation.name)
        self.documents.keep(operation.said)
        mutations = chosen.size.fields if chosen.kind is OperationType.MUTATION else 0
        await self.rates.take(client, mutations=mutations)
        return chosen
