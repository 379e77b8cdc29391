"""The console speaks three languages: the same keys, the same blanks, none missing."""

import re
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import plugin.console
from plugin.console.reader import LANGUAGES, Reader, catalog
from plugin.store.people import Role

FOLDER = Path(plugin.console.__file__).parent
NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def a_reader(language):
    return Reader(language, ZoneInfo("Europe/Berlin"), NOW)


def blanks(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_each_language_has_every_text_with_its_blanks(language):
    english, other = catalog("en"), catalog(language)
    assert english.keys() == other.keys()
    for key, text in english.items():
        assert blanks(text) == blanks(other[key]), key
        assert other[key].strip(), key


def test_every_text_that_a_page_asks_for_exists():
    sources = [*FOLDER.glob("*.py"), *FOLDER.glob("templates/console/*.html")]
    for source in sources:
        for key in re.findall(r'\bt\(\s*["\']([a-z_.0-9]+)["\']\s*[,)]', source.read_text("utf-8")):
            assert key in catalog("en"), f"{source.name}: {key}"


def test_instants_and_durations_are_written_as_the_language_does():
    at = datetime(2026, 11, 27, 13, 55, tzinfo=UTC)
    written = {language: a_reader(language).at(at) for language in LANGUAGES}
    assert written == {
        "en": "Fri 27 Nov, 14:55",
        "fr": "ven. 27 nov., 14:55",
        "de": "Fr. 27. Nov., 14:55",
    }
    assert a_reader("en").at(at.replace(year=2027)) == "Sat 27 Nov 2027, 14:55"
    assert a_reader("en").span(timedelta(hours=26, minutes=5)) == "26 h 5 min"
    assert a_reader("de").span(timedelta(seconds=8)) == "8 s"


def test_a_share_is_never_rounded_up_to_all():
    assert a_reader("en").percent(0.99996) == "99.9%"
    assert a_reader("en").percent(1.0) == "100%"


def test_the_browser_s_language_is_spoken_until_another_is_chosen(console, send):
    client = console.browser(Role.VIEWER)
    german = {"Accept-Language": "de-AT,de;q=0.9"}
    assert '<html lang="de"' in client.get("/", headers=german).text
    send(client, "/preferences", {"language": "fr", "next": "/tickets"}, at="/account")
    assert '<html lang="fr"' in client.get("/", headers=german).text
