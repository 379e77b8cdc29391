"""What the documents for operators say is there."""

import re
from pathlib import Path

from plugin.settings import Settings

ROOT = Path(__file__).parents[2]
SECURITY = (ROOT / "docs" / "security.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")


def test_every_setting_is_in_the_operations_table():
    named = set(re.findall(r"^\| `(\w+)` \|", OPERATIONS, re.MULTILINE))
    for name, field in Settings.model_fields.items():
        aliases = getattr(field.validation_alias, "choices", [f"SLA_{name.upper()}"])
        assert named & set(aliases), f"{name} is missing in docs/operations.md"


def test_every_threat_s_test_exists():
    named = set(re.findall(r"`(test_\w+)`", SECURITY))
    assert len(named) > 20
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    missing = [name for name in named if f"def {name}(" not in tests]
    assert not missing


def test_every_metric_that_the_operations_document_names_exists():
    code = "".join(
        (ROOT / "plugin" / name).read_text("utf-8") for name in ("metrics.py", "store/figures.py")
    )
    named = set(re.findall(r"\bsla_[a-z_]+", OPERATIONS))
    for name in named:
        assert f'"{name.removesuffix("_bucket")}"' in code, name
