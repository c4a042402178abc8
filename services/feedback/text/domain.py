"""The port behind which texts are read: whoever reads them better takes the place of what is there today."""

from collections.abc import Sequence
from typing import Protocol

from services.feedback.feedback.domain import Analysed
from services.feedback.topic.domain import Topic


class Analysis(Protocol):
    def of(self, text: str, topics: Sequence[Topic]) -> Analysed:
        """Offline, the same for the same text and topics; a text that says nothing gives no sentiment."""
