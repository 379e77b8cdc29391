"""The bars that the judgement of messages must hold, on the sets of `tests/benchmarks/messages`."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from sla_rules.policy_file import load_policy

SCORE = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "score_classify.py"))


@pytest.mark.parametrize("held", [False, True], ids=["learnt from", "held back"])
def test_no_partner_loses_an_sla_and_most_wishes_are_found(held: bool) -> None:
    judged = SCORE["judge"](SCORE["HELD" if held else "LEARNT_FROM"], load_policy().classifier)
    assert SCORE["missed_bars"](judged, held=held) == []


def test_errors_put_wholly_as_wishes_keep_their_sla_where_they_were_learnt_from() -> None:
    judged = SCORE["judge"](SCORE["PUT_AS_WISHES"], load_policy().classifier)
    assert SCORE["missed_wish_bars"](judged) == []


def test_most_messages_about_test_systems_are_found_where_nothing_was_learnt_from_them() -> None:
    judged = SCORE["judge"](SCORE["HELD"], load_policy().classifier)
    found, of = SCORE["figures"](judged)["test systems found"]
    assert found / of >= 0.7


def test_nothing_is_learnt_from_what_is_held_back() -> None:
    learnt = {
        m["body"]
        for part in (*SCORE["LEARNT_FROM"], *SCORE["PUT_AS_WISHES"])
        for m in SCORE["read_part"](part)
    }
    held = {
        m["body"]
        for part in (*SCORE["HELD"], *SCORE["HELD_AS_WISHES"])
        for m in SCORE["read_part"](part)
    }
    assert len(held) > 400
    assert not held & learnt
