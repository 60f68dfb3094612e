"""The codes of findings about documents: read off the source, explained in `docs/findings.toml`."""

import ast
import re
import tomllib

from reference.modules import ROOT
from reference.texts import Texts

CODE = re.compile(r"[a-z]+(_[a-z]+)*")
REPORTERS = {"Issue", "fault", "_fault", "_advice", "advice", "issue", "_issue"}
"""What a finding is made with: the code is the argument `code`, or the first one."""


def section(texts: Texts) -> list[str]:
    """Return the section of the errors page."""
    lines = [f"# {texts.heading('Findings in documents')}", ""]
    for code, meaning in sorted(explained().items()):
        lines += [f"## `{code}`", "", meaning[texts.language], ""]
    return lines


def explained() -> dict[str, dict[str, str]]:
    """Return what is explained: by code, the meaning in each language."""
    return tomllib.loads((ROOT / "docs/findings.toml").read_text(encoding="utf-8"))


def reported() -> set[str]:
    """Return the codes that the source reports."""
    codes = set()
    for path in (ROOT / "src/muelle/workflows").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in REPORTERS:
                codes |= _codes(node)
    return codes


def _codes(call: ast.Call) -> set[str]:
    named = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
    given = (named or call.args)[:1]
    constants = [node.value for value in given for node in _branches(value) if isinstance(node, ast.Constant)]
    return {value for value in constants if isinstance(value, str) and CODE.fullmatch(value)}


def _branches(value: ast.expr) -> list[ast.expr]:
    """Return what a code may be: both sides of `a if x else b`, or the value itself."""
    return [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
