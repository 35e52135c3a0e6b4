"""Documentation keeps up with the code: keys, verbs, errors, dependencies have their place, links lead somewhere."""

import ast
import importlib.util
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.fast

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "argosy"
ERROR_TYPES = {"UserError", "RunFailed", "ArgosyError"}
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "examples").rglob("*.md")])


def _generator(name: str = "generate") -> ModuleType:
    if str(DOCS) not in sys.path:
        sys.path.insert(0, str(DOCS))
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _headings(page: Path) -> list[str]:
    """Headings outside code blocks."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#+ +(.+?) *$", text, flags=re.MULTILINE)


@pytest.mark.parametrize("name", ["venture.md", "command-line.md", "support-matrix.md"])
def test_generated_pages_are_up_to_date(name: str) -> None:
    page = (DOCS / "reference" / name).read_text(encoding="utf-8")
    assert page == _generator().PAGES[name](), f"run: python docs/generate.py (docs/reference/{name} is out of date)"


def test_tables_of_parallelism_are_up_to_date() -> None:
    page = (DOCS / "explanation" / "parallelism.md").read_text(encoding="utf-8")
    assert page == _generator("parallelism").with_blocks(page), "run: python docs/parallelism.py blocks"


def test_figures_of_the_founders_are_up_to_date() -> None:
    founders = _generator("founders")
    for path, language in founders.PAGES.items():
        page = path.read_text(encoding="utf-8")
        assert page == founders.with_blocks(page, language), (
            f"run: python docs/founders.py ({path.name} is out of date)"
        )
        assert all(f"<!-- begin {make.__name__}:" in page for make in founders.BLOCKS), path.name
    drawn, now = (
        re.findall(r"<text[^>]*>(.*?)</text>", one) for one in (founders.PICTURE.read_text(), founders.picture())
    )
    assert drawn == now, "run: python docs/founders.py"


def test_every_key_has_a_heading_and_a_sentence() -> None:
    from argosy.config import reference_rows

    headings = _headings(DOCS / "reference" / "venture.md")
    for key, _, _, sentence in reference_rows():
        assert f"`{key}`" in headings, key
        assert sentence.endswith((".", "…")), f"{key} has no sentence under it"


def test_every_verb_has_a_heading_and_an_example() -> None:
    from argosy.cli.app import app

    headings = _headings(DOCS / "reference" / "command-line.md")
    verbs = _generator()._verbs(app)
    assert {f"argosy {name}" for name, _ in verbs} <= set(headings)
    for name, verb in verbs:
        assert f"Example: argosy {name.split()[0]}" in (verb.default_command.__doc__ or ""), f"{name} has no example"


def _codes() -> Iterator[tuple[str, str]]:
    """(code, file) of every error raised in the source, found in its syntax tree."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for found in _codes_in(node):
                if isinstance(found, ast.Constant) and isinstance(found.value, str):
                    yield found.value, path.name


def _codes_in(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        raised = name in ERROR_TYPES or (name == "__init__" and isinstance(getattr(node.func, "value", None), ast.Call))
        if raised and len(node.args) >= 2:
            yield node.args[0]
        yield from (keyword.value for keyword in node.keywords if keyword.arg == "code")
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        yield from (value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "code")


def test_every_error_code_has_a_heading() -> None:
    codes = dict(_codes())
    assert {"bad-venture", "interrupted", "rank-failed", "venture-changed", "exists"} <= codes.keys()
    headings = _headings(DOCS / "reference" / "errors.md")
    missing = {code: name for code, name in codes.items() if code not in headings}
    assert not missing, f"docs/reference/errors.md has no heading for {missing}"


def test_no_error_heading_is_stale() -> None:
    headings = {h for h in _headings(DOCS / "reference" / "errors.md") if re.fullmatch(r"[a-z0-9-]+", h)}
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py"))
    stale = {heading for heading in headings if f'"{heading}"' not in text}
    assert not stale, f"no code raises {stale}"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|href)="([^"]+)"', text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page.name} links to {target}"
        if anchor and path.suffix == ".md":
            assert anchor in {_anchor(heading) for heading in _headings(path)}, f"{page.name} links to {target}"


def _anchor(heading: str) -> str:
    """The anchor of a heading, as Python-Markdown makes it."""
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading.lower())).strip("-")


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [entry for entries in project["optional-dependencies"].values() for entry in entries]
    names = {re.split(r"[<>=\[;!~ ]", entry)[0] for entry in [*project["dependencies"], *extras]} - {"argosy"}
    headings = _headings(DOCS / "explanation" / "dependencies.md")
    missing = {name for name in names if name not in headings}
    assert not missing, f"docs/explanation/dependencies.md has no heading for {missing}"


def _commands(page: Path) -> list[str]:
    """Commands of a page, in order: lines of its console blocks, and make or argosy commands named in the text."""
    return re.findall(r"(?:^\$ |`)((?:make|argosy)\b[^`\n]*)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_both_readmes_name_the_same_commands() -> None:
    english, chinese = _commands(ROOT / "README.md"), _commands(ROOT / "README.zh.md")
    assert "make quickstart" in english and "make test" in english
    assert set(english) == set(chinese)


def test_both_readmes_have_the_same_reading_list() -> None:
    lists = [re.findall(r"^\d\. \[[^]]*\]\((\S+)\)", (ROOT / name).read_text(), flags=re.MULTILINE) for name in READMES]
    assert len(lists[0]) == 6
    assert lists[0] == lists[1]


READMES = ("README.md", "README.zh.md")
