"""Which system a message is about: the live one, a test system, or nothing is said (§ 1).

Only a clear statement makes a test system: the message names it as the place of what it tells,
and nothing speaks for the live system.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .phrases import Hit, shown
from .signs import CLAUSE_END, Read, Sentence, Sign
from .ticket import Environment

_SPEAK_OF_A_SYSTEM = frozenset({"test_system", "production", "not_live"})
_AND = re.compile(r"\s(?:and|und|et|y|e)\s", re.IGNORECASE)


def judge_environment(sentences: list[Sentence], read: Read) -> tuple[Environment, list[Sign]]:
    """Return the environment and the signs for it; `read` reads a part of a sentence.

    A message about a test system says so where it tells its matter. Each clause is weighed: the
    test system may be fine there (then the matter is elsewhere), the live system may be fine (then
    the matter is on the test system). Without such a contrast, any hint of a comparison, of
    customers or of an earlier trial leaves the environment unknown.
    """
    tests = [s for s in sentences if s.has("test_system") or _is_labelled(s)]
    if not tests:
        live = [s for s in sentences if s.has("production") and not s.has("not_live")]
        if live:
            return Environment.PRODUCTION, [live[0].sign("production")]
        return Environment.UNKNOWN, []
    contrast = any(s.has("only_test") for s in sentences)
    for clause in _clauses(sentences, read):
        fine = _is_fine(clause)
        if _names_live(clause):
            if not (fine or clause.has("not_live")):
                return Environment.PRODUCTION, [clause.sign("production")]
            contrast = contrast or fine
        elif clause.has("test_system") and fine:
            return Environment.UNKNOWN, [clause.sign("test_unsure", "fine")]
    if not contrast:
        unsure = _unsure(sentences, tests, read)
        if unsure:
            return Environment.UNKNOWN, [unsure]
    of = "test_system" if tests[0].has("test_system") else "test_label"
    return Environment.TEST, [tests[0].sign("test_system", of)]


def _unsure(sentences: list[Sentence], tests: list[Sentence], read: Read) -> Sign | None:
    for sentence in sentences:
        if sentence.has("live_hint"):
            return sentence.sign("test_unsure", "live_hint")
        for part in _beside_not_live(sentence, read) if sentence in tests else ():
            if part.has("not_about_test"):
                return part.sign("test_unsure", "not_about_test")
    for sentence in sentences[: sentences.index(tests[0])]:
        if sentence.has("error") and not sentence.of_subject:
            # the matter was told before the test system came up
            return sentence.sign("test_unsure", "error")
    return None


def _beside_not_live(sentence: Sentence, read: Read) -> Iterator[Sentence]:
    """Yield the sentence, or what stands around words such as "before we go live"."""
    phrase = next((hit for hit in sentence.hits if hit.list_name == "not_live"), None)
    if phrase is None:
        yield sentence
        return
    for words in (sentence.words[: phrase.start], sentence.words[phrase.end :]):
        yield read(" ".join(words), sentence.of_subject)


def _clauses(sentences: list[Sentence], read: Read) -> Iterator[Sentence]:
    for sentence in sentences:
        if sentence.names.isdisjoint(_SPEAK_OF_A_SYSTEM):
            continue
        for part in filter(str.strip, CLAUSE_END.split(sentence.text)):
            joined = [read(one, sentence.of_subject) for one in _AND.split(part)]
            if all(_names_live(one) or one.has("test_system") for one in joined):
                yield from joined
            else:
                # "production runs the old version and is fine" speaks of one system
                yield read(part, sentence.of_subject)


def _names_live(clause: Sentence) -> bool:
    """Tell whether a clause names the live system, apart from words such as "pre-production"."""
    tests = [hit for hit in clause.hits if hit.list_name == "test_system"]
    return any(
        hit.list_name == "production"
        and not any(test.start <= hit.start and hit.end <= test.end for test in tests)
        for hit in clause.hits
    )


def _is_fine(clause: Sentence) -> bool:
    """Tell whether a clause says that all is well, and does not deny it."""
    for fine in (hit for hit in clause.hits if hit.list_name == "fine"):
        return not any(
            hit.list_name == "denial" and not fine.start <= hit.start < fine.end
            for hit in clause.hits
        )
    return False


def _is_labelled(sentence: Sentence) -> bool:
    return sentence.of_subject and any(
        hit.list_name == "test_label" and hit.start == 0 and _is_label(sentence.text, hit)
        for hit in sentence.hits
    )


def _is_label(subject: str, hit: Hit) -> bool:
    """Tell whether a subject starts with a label such as `[Staging]` or `Testsystem:`."""
    label = re.escape(shown(subject, hit))
    return re.match(rf"\s*(?:[\[(]\s*{label}\s*[\])]|{label}\s*(?::|[-–|]\s))", subject) is not None
