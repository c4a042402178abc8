"""E-mail addresses and phone numbers in the one form in which they are kept, so that the same one is known again."""

import re

import phonenumbers

from chassis.errors import InvalidInput

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_LONGEST_EMAIL = 254  # RFC 5321


def email(text: str) -> str:
    """As it was written, but for the domain, in which case says nothing. InvalidInput: it is none."""
    text = text.strip()
    local, _, domain = text.rpartition("@")
    try:
        domain = domain.lower().encode("idna").decode()
    except UnicodeError:
        domain = ""
    found = f"{local}@{domain}"
    if not _EMAIL.fullmatch(found) or len(found) > _LONGEST_EMAIL:
        raise InvalidInput("this is not an e-mail address")
    return found


def dials(country: str | None) -> bool:
    """Is it known how numbers are dialled there?"""
    return country in phonenumbers.SUPPORTED_REGIONS


def phone(text: str, region: str | None = None) -> str:
    """E.164. region: ISO 3166-1 alpha-2, where numbers without a country code are dialled. InvalidInput: it is none."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        number = None
    # Not whether it is assigned today: ranges are opened faster than tables are.
    if number is None or not phonenumbers.is_possible_number(number):
        how = "+, country code, number (E.164)"
        raise InvalidInput(f"a phone number reads {how}" + (f", or as it is dialled in {region}" if region else ""))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
