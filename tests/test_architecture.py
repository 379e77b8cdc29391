"""The import rules, the clock and the size of modules are what ARCHITECTURE.md says."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("sla_rules", "connectors", "plugin")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_the_import_rules_hold():
    lint = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_rules_never_read_the_clock_or_the_environment():
    banned = {"now", "utcnow", "today", "time", "monotonic", "environ", "getenv"}
    for path in (ROOT / "sla_rules").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = ast.unparse(node.func.value)
                if owner in {"datetime", "date", "time", "os", "datetime.datetime"}:
                    assert node.func.attr not in banned, f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_module_says_what_it_holds(path):
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"
