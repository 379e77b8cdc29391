"""Learns the weights of the word models: `python tests/benchmarks/train_words.py`.

Reads the messages that may be learnt from (never the held ones) and writes
`sla_rules/policies/word_weights.json`. Logistic regression with a penalty on large weights, both
kinds weighted alike; features seen in one message only are left out. The same messages give the
same file.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from score_classify import LEARNT_FROM, PUT_AS_WISHES, read_part  # noqa: E402

from sla_rules.message_text import own_words, sentences  # noqa: E402
from sla_rules.phrases import words_of  # noqa: E402
from sla_rules.word_model import BIAS, bounded, features, size  # noqa: E402

KINDS = {"wish": "feature_request", "error": "error_report"}
WEIGHTS = ROOT / "sla_rules" / "policies" / "word_weights.json"
PENALTY = 3.0
ROUNDS = 400

Example = tuple[list[tuple[str, float]], str]


def examples() -> list[Example]:
    """Return the features of every message, and its kind."""
    found: list[Example] = []
    for part in (*LEARNT_FROM, *PUT_AS_WISHES):
        for message in read_part(part):
            said = [
                bounded(sentence, words_of(sentence))
                for text in (message["subject"], message["body"])
                for sentence in sentences(own_words(text))
            ]
            scale = size(said)
            counts = Counter(features(said))
            values = [(name, count / scale) for name, count in sorted(counts.items())]
            found.append((values, message["kind"]))
    seen = Counter(name for values, _ in found for name, _ in values)
    return [([(n, v) for n, v in values if seen[n] > 1], kind) for values, kind in found]


def learn(given: list[Example], kind_sought: str) -> dict[str, float]:
    """Return the weights of one kind against the others, by gradient descent with momentum."""
    messages = [(values, 1 if kind == kind_sought else -1) for values, kind in given]
    of_kind = Counter(kind for _, kind in messages)
    share = {kind: len(messages) / (2 * count) for kind, count in of_kind.items()}
    weights: dict[str, float] = dict.fromkeys({n for v, _ in messages for n, _ in v} | {BIAS}, 0.0)
    names = sorted(weights)
    speed = dict.fromkeys(names, 0.0)
    step = 1.0 / len(messages)
    for _ in range(ROUNDS):
        slope = {name: weights[name] / PENALTY for name in names}
        for values, kind in messages:
            score = weights[BIAS] + sum(weights[name] * value for name, value in values)
            pull = kind * share[kind] / (1 + math.exp(min(kind * score, 500.0)))
            slope[BIAS] -= pull
            for name, value in values:
                slope[name] -= pull * value
        for name in names:
            speed[name] = 0.9 * speed[name] - step * slope[name]
            weights[name] += speed[name]
    return weights


def main() -> None:
    """Write the weights, rounded, without those that hardly speak."""
    given = examples()
    models = {}
    for name, kind in KINDS.items():
        weights = {word: round(w, 2) for word, w in sorted(learn(given, kind).items())}
        models[name] = {word: weight for word, weight in weights.items() if abs(weight) >= 0.05}
    text = json.dumps(models, ensure_ascii=False, indent=0)
    WEIGHTS.write_text(text + "\n", encoding="utf-8")
    print({name: len(weights) for name, weights in models.items()}, WEIGHTS)


if __name__ == "__main__":
    main()
