"""Takes personal fields out of an answer, wherever in it they lie, before it leaves the process."""

from functools import cache

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from chassis.caller import Caller, Reach
from chassis.rights import Rights


class Masking:
    """Which fields of which messages need a scope of their own, from the rights table."""

    def __init__(self, rights: Rights) -> None:
        self._rights = rights
        # Full name of a message -> the scope that some of its fields need, and these.
        self._personal = {
            one.message: (one.personal_scope, tuple(map(_snake, one.personal)))
            for one in rights.objects
            if one.message is not None and one.personal_scope is not None
        }
        self._scopes = {scope for scope, _ in self._personal.values()}
        # What lies in a message follows from its kind: looked for once.
        self._ways = cache(self._ways_of)

    def mask(self, caller: Caller, answer: Message) -> None:
        """Clear what the caller may not see; who may see all of it pays nothing."""
        missing = frozenset(scope for scope in self._scopes if self._rights.reach(caller, scope) is not Reach.ALL)
        if missing:
            self._clear(answer, missing)

    def _clear(self, message: Message, missing: frozenset[str]) -> None:
        scope, names = self._personal.get(message.DESCRIPTOR.full_name, (None, ()))
        if scope in missing:
            for name in names:
                message.ClearField(name)
        for field in self._ways(message.DESCRIPTOR):
            value = getattr(message, field.name)
            if _is_map(field):
                for one in value.values():
                    self._clear(one, missing)
            elif field.is_repeated:
                for one in value:
                    self._clear(one, missing)
            elif message.HasField(field.name):
                self._clear(value, missing)

    def _ways_of(self, kind: Descriptor) -> tuple[FieldDescriptor, ...]:
        """The fields through which one comes to a personal field."""
        return tuple(field for field in kind.fields if self._leads(field, frozenset({kind.full_name})))

    def _leads(self, field: FieldDescriptor, seen: frozenset[str]) -> bool:
        inner = field.message_type
        if inner is not None and _is_map(field):
            inner = inner.fields_by_name["value"].message_type
        if inner is None:
            return False
        if inner.full_name in self._personal:
            return True
        if inner.full_name in seen:
            return False
        return any(self._leads(one, seen | {inner.full_name}) for one in inner.fields)


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
