"""How customers are found by what people type: names and words that begin so, in any spelling, and slips of a hand."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import phonenumbers
from rapidfuzz import fuzz
from rapidfuzz.distance import DamerauLevenshtein

from services.customers.customer.domain.golden import Customer, CustomerKind
from services.customers.customer.domain.record import Values

# Those that are like what was searched, after those whose name begins so.
MOST_ALIKE = 50
_LEAST_ALIKE = 70.0  # of 100
_NAMES = ("display_name", "given_name", "family_name", "organisation_name")
_WORD = re.compile(r"[^\W_]+")
_NO_DIGIT = re.compile(r"\D")
_PHONE = re.compile(r"[+\d][\d\s()/.-]*")
_MOST_WORDS = 40
# Mistakes are looked for in so much of a word; shorter words have too many neighbours.
_LONGEST_NEAR = 8
_SHORTEST_NEAR = 4
_SHORTEST_PHONE = 4
_SHORTEST_EMAIL = 3
# What kind of term it is. Of personal ones nobody learns without the scope for them.
NAME, EMAIL, PHONE, ID = "n:", "e:", "p:", "x:"
# Nothing that is kept begins with what sorts behind it.
_END = "\U0010ffff"

# As they are written without them; umlauts lose their dots above.
_LETTERS = str.maketrans({"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "'": "", "’": ""})


def folded(text: str) -> str:
    """Without case, accents and doubled spellings: Müller, Mueller and Muller, Strauß and Strauss fold to the same."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    bare = bare.translate(_LETTERS)
    for doubled, single in (("ae", "a"), ("oe", "o"), ("ue", "u"), ("ss", "s")):
        bare = bare.replace(doubled, single)
    return " ".join(bare.split())


def words(text: str) -> list[str]:
    return _WORD.findall(folded(text))


def filed(customer: Customer) -> str:
    """Under which name a list of names has the customer: people by their family name."""
    family, given = customer.values.get("family_name"), customer.values.get("given_name")
    if customer.kind is CustomerKind.PERSON and family:
        return folded(f"{family} {given or ''}")
    return folded(customer.display_name)


def terms(customer: Customer) -> list[str]:
    """What the customer is found by: all that any source says, and not only what the golden record shows of it."""
    said = _said(customer)
    emails = dict.fromkeys(email.casefold() for values in said for email in values.get("emails", ()))
    phones = dict.fromkeys(digits for values in said for phone in values.get("phones", ()) for digits in dialled(phone))
    ids = dict.fromkeys(id.casefold() for _, id in customer.external_ids)
    kinds: tuple[tuple[str, Iterable[str]], ...] = (
        (NAME, names_of(customer)),
        (EMAIL, emails),
        (PHONE, phones),
        (ID, ids),
    )
    return [kind + term for kind, found in kinds for term in found]


def near(names: Iterable[str]) -> list[str]:
    """The words, and each with one of its letters left out: two that share one differ by a slip of the hand."""
    found: dict[str, None] = {}
    for name in names:
        start = name[:_LONGEST_NEAR]
        found[start] = None
        if len(start) >= _SHORTEST_NEAR:
            found |= dict.fromkeys(start[:place] + start[place + 1 :] for place in range(len(start)))
    return list(found)


def names_of(customer: Customer) -> list[str]:
    """The words of all names that any source has for the customer."""
    texts = [values[field] for values in _said(customer) for field in _NAMES if values.get(field)]
    found = dict.fromkeys(word for text in (customer.display_name, *texts) for word in words(text))
    return list(found)[:_MOST_WORDS]


def _said(customer: Customer) -> list[Values]:
    return [customer.values, *(record.values for record in customer.records)]


def dialled(phone: str) -> list[str]:
    """The digits of a number as it is dialled from abroad, and at home without its zero."""
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return [_NO_DIGIT.sub("", phone)]
    return [f"{number.country_code}{number.national_number}", str(number.national_number)]


@dataclass(frozen=True, slots=True)
class Search:
    """What was typed, read as what it may mean.

    name: folded, as names are kept; words: of it, the longest first; begins: what terms other than names begin with.
    """

    name: str
    words: tuple[str, ...]
    begins: tuple[str, ...]

    @classmethod
    def of(cls, text: str, *, personal: bool) -> "Search":
        """personal: whether it may be an e-mail address or a phone number too."""
        plain = text.strip().casefold()
        begins = []
        if plain and " " not in plain:
            begins.append(ID + plain)
            if personal and len(plain) >= _SHORTEST_EMAIL:
                begins.append(EMAIL + plain)
        digits = _NO_DIGIT.sub("", plain).removeprefix("00").removeprefix("0")
        if personal and _PHONE.fullmatch(plain) and len(digits) >= _SHORTEST_PHONE:
            begins.append(PHONE + digits)
        return cls(folded(text), tuple(sorted(words(text), key=len, reverse=True)), tuple(begins))

    @property
    def end(self) -> str:
        """Sorts behind every name that begins so."""
        return self.name + _END

    def alike(self, known: Sequence[str]) -> float:
        """How much who is known by these terms is like what was searched, of 100; 0: not enough."""
        if self.begins and any(term.startswith(self.begins) for term in known):
            return 100.0
        names = [term.removeprefix(NAME) for term in known if term.startswith(NAME)]
        if not self.words or not names:
            return 0.0
        found = [max(_alike(word, name) for name in names) for word in self.words]
        return sum(found) / len(found) if min(found) >= _LEAST_ALIKE else 0.0

    def ranked(self, known: Mapping[str, Sequence[str]]) -> list[str]:
        """The ids of those that are enough like it, by their terms: the most alike first, then by their names."""
        scored = [(-self.alike(terms), list(terms), id) for id, terms in known.items()]
        return [id for score, _, id in sorted(scored) if score][:MOST_ALIKE]


def _alike(word: str, other: str) -> float:
    """A whole word, its beginning, or a slip of the hand in either."""
    if word == other:
        return 100.0
    if other.startswith(word):
        return 95.0
    return fuzz.ratio(word, other) if DamerauLevenshtein.distance(word, other, score_cutoff=2) <= 2 else 0.0
