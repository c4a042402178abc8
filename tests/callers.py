"""Callers as tests need them: with every scope that such a caller may hold."""

from chassis import rights
from chassis.caller import Caller

EVERYWHERE = rights.load(
    "rundblick.customers.v1", "rundblick.feedback.v1", "rundblick.metrics.v1", "rundblick.shared.v1"
)


def partner(*sources: str) -> Caller:
    """A partner with these sources, limited by nothing else than that it is one."""
    scopes = frozenset(scope.name for scope in EVERYWHERE.scopes.values() if scope.partners)
    return Caller("partner", scopes, sources=frozenset(sources))
