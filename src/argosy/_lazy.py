"""Rooms show their public names without importing the files behind them (torch stays unimported until used)."""

import importlib
from collections.abc import Callable, Mapping


def lazy_exports(room: str, files: Mapping[str, str]) -> Callable[[str], object]:
    """Return a module `__getattr__` (PEP 562) that imports `room.<file>` when one of its names is first used.

    A file must not be called like a name it exports: importing it would put the module in the name's place. A name
    without a file is a module itself.
    """
    clashes = [name for name, file in files.items() if name == file.rpartition(".")[2] and room != "argosy"]
    assert not clashes, f"{room}: rename the files {clashes}"

    def __getattr__(name: str) -> object:
        if name not in files:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        if not files[name]:
            return importlib.import_module(f"{room}.{name}")
        return getattr(importlib.import_module(f"{room}.{files[name]}"), name)

    return __getattr__
