"""What every benchmark shares: its header, interleaved medians, a table, and results that resume."""

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

RESULTS = Path(__file__).parent / "results"


def arguments(description: str, *, name: str) -> argparse.Namespace:
    """Parse `--quick`, `--json`, `--fresh`, `--output`; quick and full results are different files."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a smaller version, under two minutes")
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of a table")
    parser.add_argument("--fresh", action="store_true", help="measure again what the output file already has")
    parser.add_argument("--output", type=Path, help=f"default: benchmarks/results/{name}.json")
    options = parser.parse_args()
    options.output = options.output or RESULTS / f"{name}{'-quick' if options.quick else ''}.json"
    return options


def header(packages: Sequence[str], **configuration: Any) -> dict[str, Any]:
    """Hardware, versions, configuration and date of a set of measurements."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "hardware": {
            "cpu": _cpu_name(),
            "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "load_average_1min": round(os.getloadavg()[0], 2),
            "system": platform.system(),
        },
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "configuration": configuration,
    }


def version(package: str) -> str:
    """Installed version, or "not installed"."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


class Results:
    """Measurements kept in a JSON file after each one, so that an interrupted benchmark goes on."""

    def __init__(self, path: Path, head: dict[str, Any], *, fresh: bool) -> None:
        self.path, self.head = path, head
        self.measurements: dict[str, Any] = {}
        if path.exists() and not fresh:
            kept = json.loads(path.read_text())
            if kept.get("configuration") == json.loads(json.dumps(head["configuration"])):
                self.head = {key: value for key, value in kept.items() if key != "measurements"}
                self.measurements = kept["measurements"]

    def measure(self, name: str, function: Callable[[], Any]) -> Any:
        """Return the stored measurement `name`, or take it now and store it."""
        if name in self.measurements:
            print(f"{name}: kept from {self.path.name} (--fresh measures again)", file=sys.stderr)
        else:
            self.measurements[name] = function()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self.path.with_suffix(".tmp")
            temporary.write_text(json.dumps(self.tree(), indent=2) + "\n")
            temporary.replace(self.path)
        return self.measurements[name]

    def tree(self) -> dict[str, Any]:
        """Header and measurements, as written."""
        return {**self.head, "measurements": self.measurements}


def interleaved_medians(functions: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Call every function once a round, so that a noisy machine is noisy for all; the median of each."""
    values: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            values[name].append(function())
    return {name: statistics.median(row) for name, row in values.items()}


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print left-aligned names and right-aligned figures."""
    cells = [list(columns), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(columns))]
    for row in cells:
        print("  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))))
