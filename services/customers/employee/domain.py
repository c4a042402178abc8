"""Who works for the company, and as whom they sign in."""

from collections.abc import Iterable
from dataclasses import dataclass

from chassis.errors import AlreadyExists, InvalidInput, NotFound

_LONGEST_NAME = 200
_LONGEST_ISSUER = 500
# As OpenID Connect limits it.
_LONGEST_SUBJECT = 255
_MOST_SUBJECTS = 20


class EmployeeNotFound(NotFound):
    def __init__(self, id: str) -> None:
        super().__init__(f"there is no employee {id}", ("id",))


class SubjectTaken(AlreadyExists):
    def __init__(self, position: int) -> None:
        super().__init__("another employee signs in so", ("subjects", str(position)))


@dataclass(frozen=True, slots=True)
class Subject:
    """As whom an identity provider knows somebody: iss and sub of their tokens."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class Employee:
    id: str
    display_name: str
    team: str | None
    active: bool
    subjects: tuple[Subject, ...] = ()


def name_of(text: str) -> str:
    name = text.strip()
    if not name or len(name) > _LONGEST_NAME:
        raise InvalidInput(f"a name has 1 to {_LONGEST_NAME} characters", ("display_name",))
    return name


def subjects_of(given: Iterable[Subject]) -> tuple[Subject, ...]:
    """InvalidInput: one is not what a token can say, is there twice, or they are too many."""
    subjects = tuple(given)
    if len(subjects) > _MOST_SUBJECTS:
        raise InvalidInput(f"an employee has at most {_MOST_SUBJECTS} subjects", ("subjects",))
    for position, subject in enumerate(subjects):
        path = ("subjects", str(position))
        if not 1 <= len(subject.issuer) <= _LONGEST_ISSUER:
            raise InvalidInput(f"an issuer has 1 to {_LONGEST_ISSUER} characters", (*path, "issuer"))
        if not 1 <= len(subject.subject) <= _LONGEST_SUBJECT:
            raise InvalidInput(f"a subject has 1 to {_LONGEST_SUBJECT} characters", (*path, "subject"))
        if subject in subjects[:position]:
            raise InvalidInput("this subject is there twice", path)
    return subjects
