"""What is said of a customer, read into the form in which it is kept."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chassis.errors import Fault, InvalidInput
from services.customers.attribute.domain import Attribute
from services.customers.customer.domain import contacts
from services.customers.customer.domain.record import ATTRIBUTES, TEXT_FIELDS, Values, same

_LOCALE = re.compile(r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")
_LONGEST_TEXT = 500
_LONGEST_LIST = 50


@dataclass(frozen=True, slots=True)
class Form:
    """What customers look like here.

    region: where phone numbers without a country code are dialled; None: such numbers are refused. attributes: those
    that are declared, by key.
    """

    region: str | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    def attribute(self, said: tuple[str, Any]) -> Any:
        """The value of a key. InvalidInput: it is not declared so."""
        key, value = said
        declared = self.attributes.get(key)
        if declared is None:
            raise InvalidInput(f"there is no attribute {key[:100]}")
        if declared.archived and value is not None:
            raise InvalidInput(f"the attribute {key} is archived")
        return declared.read(value)


def checked(values: Values, form: Form = Form(), left_out: list[Fault] | None = None) -> dict[str, Any]:
    """The values in the form in which they are kept, each entry of a list once. InvalidInput: which field and why.

    left_out: what cannot be read of e-mail addresses, phone numbers and attributes is told there and not said, rather
    than refused. `attributes` are pairs of key and value here; what is kept is a field of each.
    """

    def read(path: tuple[str, ...], how: Callable[[Any], Any], value: Any) -> list[Any]:
        try:
            return [how(value)]
        except InvalidInput as error:
            fault = InvalidInput(error.message, ("fields", *path))
            if left_out is None:
                raise fault from None
            left_out.append(fault.fault)
            return []

    def each(name: str, how: Callable[[str], str]) -> None:
        entries: dict[str, str] = {}
        for position, text in enumerate(values[name]):
            for entry in read((name, str(position)), how, text):
                entries.setdefault(same(name, entry), entry)
        # Where all of it was left out nothing was said, and least of all that there is none.
        if entries or not values[name]:
            result[name] = list(entries.values())

    result: dict[str, Any] = {name: _text(name, values[name]) for name in TEXT_FIELDS if name in values}
    for name in ("emails", "phones", "addresses"):
        if len(values.get(name, ())) > _LONGEST_LIST:
            raise InvalidInput(f"{name} has at most {_LONGEST_LIST} entries", ("fields", name))
    if "emails" in values:
        each("emails", contacts.email)
    if "addresses" in values:
        result["addresses"] = list(values["addresses"])
    if "phones" in values:
        region = next((a.country for a in values.get("addresses", ()) if contacts.dials(a.country)), form.region)
        each("phones", lambda text: contacts.phone(text, region))
    for position, pair in enumerate(values.get(ATTRIBUTES, ())):
        path = (ATTRIBUTES, str(position), "value" if pair[0] in form.attributes else "key")
        for entry in read(path, form.attribute, pair):
            result[f"{ATTRIBUTES}.{pair[0]}"] = entry
    if result.get("locale") and not _LOCALE.match(result["locale"]):
        raise InvalidInput("a locale reads like de or en-GB (BCP 47)", ("fields", "locale"))
    return result


def _text(name: str, said: str) -> str:
    text = said.strip()
    if len(text) > _LONGEST_TEXT:
        raise InvalidInput(f"{name} has at most {_LONGEST_TEXT} characters", ("fields", name))
    return text
