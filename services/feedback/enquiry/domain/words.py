"""The words of a subject, as they are looked for."""

import re

_MOST = 60
_LONGEST = 50
_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """Each once and without its case; of a long text the first ones."""
    return list(dict.fromkeys(word[:_LONGEST] for word in _WORD.findall(text.casefold())))[:_MOST]
