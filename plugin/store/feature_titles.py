"""The title that a feature gets from the sentence that asked for it. Keeps nothing."""

from __future__ import annotations

import re

LONGEST_TITLE = 160
_FEWEST_WORDS = 3  # what is left of a greeting alone is no title

# en, fr, de, es, it
_HELLO = (
    r"hello|hi|hey|good (?:morning|afternoon|evening|day)"
    r"|bonjour|bonsoir|salut|coucou"
    r"|hallo|guten (?:tag|morgen|abend)|moin|servus|grüß gott"
    r"|¡?hola|¡?buenos días|¡?buenas (?:tardes|noches)|¡?buenas"
    r"|buongiorno|buonasera|buon pomeriggio|ciao|salve"
)
_DEAR = (
    r"dear|cher|chère|chers|chères|madame|monsieur|mesdames|messieurs"
    r"|sehr geehrte[rsn]?|liebe[rsn]?|estimad[oa]s?|querid[oa]s?"
    r"|gentil[ei]|gentilissim[oaie]|egregi[oa]?|car[oaie]|spett\.?(?:le|abile)?"
)
_SMALL = (
    r"all|and|or|everyone|everybody|there|team|support|folks|sir|madam"
    r"|à|au|aux|et|la|le|les|tous|toutes?|l['’]équipe|équipe|madame|monsieur"
    r"|und|an|das|alle|zusammen"
    r"|a|y|el|de|del|todos|todas|equipo|señor(?:es|as?)?"
    r"|e|i|il|di|dello|tutti|tutte|signor[aei]?|staff|assistenza"
)
_NAMES = rf"(?:\s+(?:(?i:{_SMALL})(?!\w)|[A-ZÀ-ÖØ-Þ][\w.'’-]*)){{0,6}}"
_GREETING = re.compile(
    rf"\s*(?:(?i:{_HELLO}|{_DEAR})(?!\w){_NAMES}\s*(?:[,:;!]+|\s[–—-]+(?=\s))\s*"
    rf"|(?i:{_HELLO})(?!\w)\s+(?=[a-zß-öø-ÿ]))"
)


def title_of(quote: str) -> str:
    """Return a title of at most `LONGEST_TITLE` characters: the sentence without its greeting."""
    rest = quote
    while greeting := _GREETING.match(rest):
        rest = rest[greeting.end() :]
    if len(rest.split()) < _FEWEST_WORDS:
        rest = quote
    return (rest[:1].upper() + rest[1:])[:LONGEST_TITLE]
