"""Files of a few hundred lines, functions that fit on a screen, a sentence at the top of each."""

import ast
import re

from tests.house.tree import ROOT, modules, tracked

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 50
NAMELESS = {"utils", "util", "helpers", "common", "base", "manager", "misc"}


def test_files_stay_small() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked()
        if path.suffix == ".py" and (lines := len(path.read_text().splitlines())) > FILE_LINES_MAX
    }
    assert not long, f"files of over {FILE_LINES_MAX} lines: {long}"


def test_functions_fit_on_a_screen() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and _body_lines(node) > FUNCTION_LINES_MAX
    ]
    assert not long, f"functions of over {FUNCTION_LINES_MAX} lines: {long}"


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the end."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body or function.end_lineno is None:
        return 0
    return function.end_lineno - body[0].lineno + 1


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT)) for path, tree in modules() if not ast.get_docstring(tree)
    ]
    assert not silent


def test_names_say_what_things_are() -> None:
    nameless = [str(path.relative_to(ROOT)) for path, _ in modules() if path.stem in NAMELESS]
    assert not nameless


def test_nothing_is_left_to_do_on_main() -> None:
    mark = re.compile(r"\b(FIX" + r"ME|TO" + r"DO|X" + r"XX)\b")
    left = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.suffix in {".py", ".sql", ".md", ".toml"} and mark.search(path.read_text())
    ]
    assert not left
