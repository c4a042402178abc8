"""CEL expressions over declared facts: checked when they are defined, and never wrong in silence when they run.

https://github.com/cel-expr/cel-spec. The runtime hands mistakes back as values that look true; here every result's type
is looked at, and a mistake is raised. A fact that is absent is null: has(event.amount) asks for it, and what is
computed from it without asking is a mistake.
"""

import re
from collections.abc import Mapping
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


_FIELD_TYPE = {
    Kind.STRING: ".google.protobuf.StringValue",
    Kind.NUMBER: ".google.protobuf.DoubleValue",
    Kind.FLAG: ".google.protobuf.BoolValue",
    Kind.MOMENT: ".google.protobuf.Timestamp",
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
    """What expressions may speak of: one name, with these fields. A mistake in a name or a type is found at once."""

    def __init__(self, name: str, fields: Mapping[str, Kind]) -> None:
        self.name = name
        self.fields = dict(fields)
        pool = descriptor_pool.DescriptorPool()
        for file in (wrappers_pb2.DESCRIPTOR, timestamp_pb2.DESCRIPTOR):
            pool.AddSerializedFile(file.serialized_pb)
        declared = descriptor_pb2.FileDescriptorProto(
            name=f"{name}.proto",
            package=_PACKAGE,
            syntax="proto3",
            dependency=["google/protobuf/wrappers.proto", "google/protobuf/timestamp.proto"],
        )
        message = declared.message_type.add(name=name)
        for number, (field, kind) in enumerate(sorted(self.fields.items()), start=1):
            message.field.add(
                name=field,
                number=number,
                type=descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
                label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
                type_name=_FIELD_TYPE[kind],
            )
        pool.AddSerializedFile(declared.SerializeToString())
        self._message = message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        self._env = cel.NewEnv(descriptor_pool=pool, variables={name: cel.Type(f"{_PACKAGE}.{name}")})

    def compile(self, text: str, returns: Kind) -> "Expression":
        """InvalidExpression: what is wrong, and where."""
        if not text.strip():
            raise InvalidExpression("there is no expression")
        if len(text) > LONGEST:
            raise InvalidExpression(f"an expression has at most {LONGEST} characters")
        try:
            program = self._env.compile(text)
        except RuntimeError as error:
            raise _explained(str(error)) from None
        found = program.return_type().name()
        if found not in _RESULTS[returns]:
            raise InvalidExpression(f"the result must be {_WORD[returns]}, it is {found.lower()}")
        return Expression(text, program, returns)

    def bind(self, facts: Mapping[str, object]) -> Any:
        """One set of facts, for any number of expressions; None and what is not declared are absent."""
        message = self._message()
        for field, value in facts.items():
            if value is None or field not in self.fields:
                continue
            if isinstance(value, datetime):
                getattr(message, field).FromDatetime(value.astimezone(UTC))
            else:
                getattr(message, field).value = value
        return self._env.Activation({self.name: message})


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
