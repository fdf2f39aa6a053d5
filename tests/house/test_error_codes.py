"""docs/errors.md explains every code there is, under the class it is raised as, and no other."""

import ast
import re
from collections.abc import Iterator

from tests.house.tree import ROOT, modules

DOCUMENT = ROOT / "docs" / "errors.md"
CODE = re.compile(r"[a-z]+(-[a-z]+)*")
NONE = ""
"""Stands for the class where a code goes over the wire, or through a function."""


def takers() -> dict[str, int]:
    """Functions and classes that take a `code`, and at which place."""
    found = {}
    for _, tree in modules():
        for node in ast.walk(tree):
            names = _parameters(node)
            if isinstance(node, ast.ClassDef) and node.name.endswith("Error"):
                found[node.name] = 0
            elif "code" in names:
                assert isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
                found[node.name] = names.index("code")
    del found["__init__"]
    return found


def _parameters(node: ast.AST) -> list[str]:
    """What a function takes; of a class, what makes it."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return [each.arg for each in node.args.args if each.arg != "self"]
        case ast.ClassDef():
            for each in node.body:
                if isinstance(each, ast.FunctionDef) and each.name == "__init__":
                    return _parameters(each)
            targets = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
            return [each.id for each in targets if isinstance(each, ast.Name)]
        case _:
            return []


def raised() -> dict[str, set[str]]:
    """Code -> the classes it is raised as."""
    found: dict[str, set[str]] = {}
    places = takers()
    for _, tree in modules():
        for code, error in _codes(tree, places):
            found.setdefault(code, set()).add(error)
    return found


def _codes(tree: ast.Module, takers: dict[str, int]) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(name) | ast.Attribute(attr=name), args=args):
                place = takers.get(name)
                named = [each.value for each in node.keywords if each.arg == "code"]
                given = [*named, *(args[place : place + 1] if place is not None else [])]
                error = name if name.endswith("Error") else NONE
                yield from ((code, error) for each in given for code in _literals(each))
            case ast.Assign(targets=[ast.Name("code")], value=value):
                yield from ((code, NONE) for code in _literals(value))
            case ast.Tuple(elts=[ast.Constant(str(code)), problem, remedy]):
                if CODE.fullmatch(code) and _is_text(problem) and _is_text(remedy):
                    yield (code, NONE)
            case ast.AnnAssign(target=ast.Name("_REFUSALS"), value=ast.Dict(keys=keys)):
                yield from ((code, NONE) for key in keys if key for code in _literals(key))


def _is_text(node: ast.AST) -> bool:
    return " " in next(_literals(node), "")


def _literals(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def documented() -> list[tuple[str, str]]:
    """Every code in the document with the class whose section it is in, in order."""
    found, section = [], NONE
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif match := re.match(r"\*\*`([^`]+)`\*\*", line):
            found.append((match[1], section))
    return found


def test_the_document_explains_every_code_and_no_other() -> None:
    assert {code for code, _ in documented()} == set(raised())


def test_codes_are_kebab_case_and_explained_once() -> None:
    codes = [code for code, _ in documented()]
    assert len(codes) == len(set(codes))
    assert [code for code in codes if not CODE.fullmatch(code)] == []


def test_a_code_is_explained_under_its_class() -> None:
    classes = raised()
    elsewhere = [
        (code, section, classes[code])
        for code, section in documented()
        if not classes.get(code, {NONE}) & {NONE, section}
    ]
    assert elsewhere == []
