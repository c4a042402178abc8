"""CEL expressions over declared facts: checked when they are defined, and never wrong in silence when they run.

https://github.com/cel-expr/cel-spec. The runtime hands mistakes back as values that look true; here every result's type
is looked at, and a mistake is raised. A fact that is absent is null: has(event.amount) asks for it, and what is
computed from it without asking is a mistake.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2, wrappers_pb2

from chassis.errors import InvalidInput

LONGEST = 2_000
_PACKAGE = "rundblick.facts"
_FIRST_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_STRUCT = re.compile(rf"struct '{re.escape(_PACKAGE)}\.(\w+)'")


class Kind(Enum):
    STRING = "STRING"
    NUMBER = "NUMBER"
    FLAG = "FLAG"
    MOMENT = "MOMENT"
    # A list; one that is not said is empty.
    STRINGS = "STRINGS"


_FIELD_TYPE = {
    Kind.STRING: ".google.protobuf.StringValue",
    Kind.NUMBER: ".google.protobuf.DoubleValue",
    Kind.FLAG: ".google.protobuf.BoolValue",
    Kind.MOMENT: ".google.protobuf.Timestamp",
}
# Of a name that is such a value by itself.
_SINGLE_TYPE = {
    Kind.STRING: cel.Type.STRING,
    Kind.NUMBER: cel.Type.DOUBLE,
    Kind.FLAG: cel.Type.BOOL,
    Kind.MOMENT: cel.Type.TIMESTAMP,
}
_RESULTS = {
    Kind.STRING: {"STRING"},
    Kind.NUMBER: {"DOUBLE", "INT", "UINT"},
    Kind.FLAG: {"BOOL"},
    Kind.MOMENT: {"TIMESTAMP"},
}
_WORD = {Kind.STRING: "a text", Kind.NUMBER: "a number", Kind.FLAG: "true or false", Kind.MOMENT: "a moment"}


class InvalidExpression(InvalidInput):
    """line, column: from 1, where the mistake is."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.line = line
        self.column = column


class EvaluationFault(Exception):
    """The expression has no result for these facts; says why, without a value of theirs."""


class Facts:
    """What expressions may speak of: names, each with these fields. A mistake in a name or a type is found at once.

    A name that is a kind by itself, such as the moment of now, has no fields.
    """

    def __init__(self, names: Mapping[str, Mapping[str, Kind] | Kind], optional: Iterable[str] = ()) -> None:
        """optional: moments that may be absent, such as interactions.last_at."""
        self.names = dict(names)
        self._optional = {one: re.compile(rf"(?<![\w.]){re.escape(one)}(?!\w)") for one in optional}
        pool = descriptor_pool.DescriptorPool()
        for file in (wrappers_pb2.DESCRIPTOR, timestamp_pb2.DESCRIPTOR):
            pool.AddSerializedFile(file.serialized_pb)
        declared = descriptor_pb2.FileDescriptorProto(
            name="facts.proto",
            package=_PACKAGE,
            syntax="proto3",
            dependency=["google/protobuf/wrappers.proto", "google/protobuf/timestamp.proto"],
        )
        variables = {}
        for name, fields in self.names.items():
            if isinstance(fields, Kind):
                variables[name] = _SINGLE_TYPE[fields]
                continue
            message = declared.message_type.add(name=name)
            for number, (field, kind) in enumerate(sorted(fields.items()), start=1):
                _declare(message, field, number, kind)
            variables[name] = cel.Type(f"{_PACKAGE}.{name}")
        pool.AddSerializedFile(declared.SerializeToString())
        self._messages = {
            name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
            for name, fields in self.names.items()
            if not isinstance(fields, Kind)
        }
        self._env = cel.NewEnv(descriptor_pool=pool, variables=variables)

    def compile(self, text: str, returns: Kind) -> "Expression":
        """InvalidExpression: what is wrong, and where."""
        if not text.strip():
            raise InvalidExpression("there is no expression")
        if len(text) > LONGEST:
            raise InvalidExpression(f"an expression has at most {LONGEST} characters")
        self._require_asked(text)
        try:
            program = self._env.compile(text)
        except RuntimeError as error:
            raise _explained(str(error)) from None
        found = program.return_type().name()
        if found not in _RESULTS[returns]:
            raise InvalidExpression(f"the result must be {_WORD[returns]}, it is {found.lower()}")
        return Expression(text, program, returns)

    def _require_asked(self, text: str) -> None:
        """An absent moment would be 1970 to the runtime, and whatever is long ago would hold."""
        for name, used in self._optional.items():
            found = used.search(text)
            if found is not None and f"has({name})" not in text:
                before = text[: found.start()]
                line, column = before.count("\n") + 1, found.start() - (before.rfind("\n") + 1) + 1
                raise InvalidExpression(f"{name} may be absent: ask has({name}) && ... first", line, column)

    def bind(self, facts: Mapping[str, Any]) -> Any:
        """One set of facts, for any number of expressions; None and what is not declared are absent."""
        bound: dict[str, Any] = {}
        for name, fields in self.names.items():
            said = facts.get(name)
            if isinstance(fields, Kind):
                if said is not None:
                    bound[name] = said.astimezone(UTC) if isinstance(said, datetime) else said
                continue
            message = self._messages[name]()
            for field, value in (said or {}).items():
                if value is not None and field in fields:
                    _set(message, field, value)
            bound[name] = message
        return self._env.Activation(bound)


def _declare(message: Any, field: str, number: int, kind: Kind) -> None:
    single, many = (
        descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
        descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED,
    )
    if kind is Kind.STRINGS:
        text = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
        message.field.add(name=field, number=number, type=text, label=many)
    else:
        nested = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
        message.field.add(name=field, number=number, type=nested, label=single, type_name=_FIELD_TYPE[kind])


def _set(message: Any, field: str, value: Any) -> None:
    if isinstance(value, datetime):
        getattr(message, field).FromDatetime(value.astimezone(UTC))
    elif isinstance(value, list | tuple):
        getattr(message, field).extend(value)
    else:
        getattr(message, field).value = value


class Expression:
    """One that was checked."""

    def __init__(self, text: str, program: Any, returns: Kind) -> None:
        self.text = text
        self._program = program
        self._kinds = _RESULTS[returns]

    def evaluate(self, bound: Any) -> Any:
        """None: the result is null. EvaluationFault: there is none."""
        result = self._program.eval(bound)
        kind = result.type().name()
        if kind in self._kinds:
            return result.value()
        if kind == "NULL":
            return None
        raise EvaluationFault(_reason(str(result.value())) if kind == "ERROR" else f"the result is {kind.lower()}")


def _explained(said: str) -> InvalidExpression:
    first = _FIRST_ERROR.search(said)
    if first is None:
        return InvalidExpression(said.splitlines()[0][:200] if said else "it cannot be read")
    line, column, message = first.groups()
    message = _STRUCT.sub(r"\1", message).replace("wrapper(", "(").removesuffix(" [INVALID_ARGUMENT]")
    if "double" in message and "int" in message:
        message += "; numbers are written with a point, such as 9.0"
    return InvalidExpression(message, int(line), int(column))


@lru_cache(maxsize=1_000)
def _reason(said: str) -> str:
    """Kinds of mistakes, not values: they are counted."""
    text = said.partition(": ")[2] or said
    text = re.sub(r"\s*:\s*(_\S+_|\w+)\(", r" \1(", text)
    return re.sub(r"['\"][^'\"]*['\"]", "...", text)[:160]
