"""An Open Cap Format package: a folder of JSON files, checked against a schema folder that the user gives.

Nothing here reaches the network: `$ref`s are looked up by `$id` among the schema files. Every object is checked against
the schema of its type. A file is also checked as a whole, its items aside: the format lists the types a file may hold a
second time there, and the two lists differ.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from argosy.config import Record, UserError
from argosy.storage import atomic_folder

MANIFEST = "OCF_MANIFEST_FILE"
Item = dict[str, Any]


class Package(Record):
    """The files of a package as they were read, by name."""

    files: dict[str, dict[str, Any]]
    """JSON of each file."""

    @property
    def manifest_name(self) -> str:
        """Name of the manifest; `UserError` where there is none."""
        for name, content in self.files.items():
            if content.get("file_type") == MANIFEST:
                return name
        raise UserError("bad-ocf", f"none of {', '.join(self.files) or 'no files'} is a manifest ({MANIFEST})")

    def listed(self) -> set[str]:
        """Names of the files the manifest names, itself included."""
        manifest = self.files[self.manifest_name]
        groups = (value for key, value in manifest.items() if key.endswith("_files"))
        return {Path(one["filepath"]).name for group in groups for one in group} | {self.manifest_name}

    def items(self, *, listed: bool = True) -> Iterable[tuple[str, Item]]:
        """Every object with its file's name; only of files the manifest names unless `listed` is false."""
        known = self.listed()
        for name, content in self.files.items():
            if name in known or not listed:
                yield from ((name, item) for item in content.get("items", ()))

    def issuer(self) -> Item:
        """The company."""
        found: Item = self.files[self.manifest_name]["issuer"]
        return found


class Schema:
    """The schemas of a folder, ready to check with."""

    def __init__(self, folder: Path) -> None:
        try:
            from referencing import Registry
            from referencing.jsonschema import DRAFT7
        except ImportError:
            raise UserError(
                "missing-package", "Open Cap Format needs jsonschema", hint="pip install 'argosy[capital]'"
            ) from None
        schemas = [_json(path) for path in sorted(folder.rglob("*.schema.json"))] if folder.is_dir() else []
        if not schemas:
            raise UserError(
                "missing-file", f"no *.schema.json under {folder}", hint="--schema names the OCF schema folder"
            )
        resources = [(one["$id"], DRAFT7.create_resource(one)) for one in schemas if "$id" in one]
        self._registry = Registry().with_resources(resources)
        self._files: dict[str, Item] = {}
        self._objects: dict[str, list[Item]] = {}
        for one in schemas:
            properties = one.get("properties", {})
            if "const" in properties.get("file_type", {}):
                self._files[properties["file_type"]["const"]] = one
            kind = properties.get("object_type", {})
            for name in [kind["const"]] if "const" in kind else kind.get("enum", []):
                self._objects.setdefault(name, []).append(one)
        self.version = self._files.get(MANIFEST, {}).get("properties", {}).get("ocf_version", {}).get("const", "")

    def check(self, package: Package) -> None:
        """`UserError` listing what in the package is not as the schemas say."""
        wrong = [line for name, content in package.files.items() for line in self._problems(name, content)]
        if wrong:
            more = f"\n  and {len(wrong) - 20} more" if len(wrong) > 20 else ""
            raise UserError("bad-ocf", "not Open Cap Format:\n" + "\n".join(f"  {line}" for line in wrong[:20]) + more)

    def _problems(self, name: str, content: Item) -> Iterable[str]:
        file_type = content.get("file_type")
        if file_type not in self._files:
            yield f"{name}: file_type {file_type!r} is none of the schema's"
            return
        shell = {**content, "items": []} if "items" in content else content
        yield from (f"{name}: {line}" for line in self._errors([self._files[file_type]], shell))
        for i, item in enumerate(content.get("items", ())):
            kind = item.get("object_type") if isinstance(item, dict) else None
            where = f"{name}: items.{i}"
            if kind not in self._objects:
                yield f"{where}: object_type {kind!r} is none of the schema's"
            else:
                yield from (f"{where}: {line}" for line in self._errors(self._objects[kind], item))

    def _errors(self, schemas: list[Item], value: Any) -> list[str]:
        """What is wrong by the schema that fits best; nothing when one of them is met."""
        from jsonschema import Draft7Validator

        found = [list(Draft7Validator(one, registry=self._registry).iter_errors(value)) for one in schemas]
        best = min(found, key=len)
        return [f"{'.'.join(map(str, error.absolute_path)) or 'file'}: {error.message[:200]}" for error in best]


def read_package(folder: Path, schema: Schema) -> Package:
    """The package in a folder, checked. Raises `UserError` for what cannot be read or is not as the schemas say."""
    paths = sorted(folder.glob("*.ocf.json")) if folder.is_dir() else []
    if not paths:
        raise UserError("missing-file", f"no *.ocf.json in {folder}")
    package = Package(files={path.name: _json(path) for path in paths})
    schema.check(package)
    package.issuer()
    return package


def write_package(package: Package, folder: Path) -> None:
    """Write the files to a new folder, all or none. Raises `UserError` where something is there already."""
    if folder.exists() and any(folder.iterdir()):
        raise UserError("exists", f"{folder} holds something already", hint="choose another folder")
    with atomic_folder(folder) as half:
        for name, content in package.files.items():
            (half / name).write_text(text_of(content), encoding="utf-8")


def text_of(content: Mapping[str, Any]) -> str:
    """A file's text."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def md5_of(content: Mapping[str, Any]) -> str:
    """The hash the manifest wants of a file."""
    return hashlib.md5(text_of(content).encode(), usedforsecurity=False).hexdigest()


def _json(path: Path) -> Item:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError("bad-ocf", f"cannot read {path}: {error}") from None
    if not isinstance(content, dict):
        raise UserError("bad-ocf", f"{path} holds no JSON object")
    return content
