"""Programs of Argosy and its peers as processes of their own; peers live in `.venv-peers`, made by `make peers`."""

import json
import os
import pty
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = ROOT / "benchmarks" / "programs"
PEERS = ROOT / ".venv-peers" / "bin" / "python"
LLM_ANALYSIS = ROOT / ".venv-llm-analysis" / "bin" / "python"  # likewise
LITGPT = ROOT / ".venv-litgpt" / "bin" / "python"  # it needs older libraries than the others


def peer_versions(packages: Sequence[str], python: Path = PEERS) -> dict[str, str]:
    """Versions of packages in `.venv-peers`, or where `python` is; ends the benchmark when there is none."""
    if not python.exists():
        raise SystemExit("the peers are not installed: make peers")
    script = "import sys, importlib.metadata as m, json; print(json.dumps({p: m.version(p) for p in sys.argv[1:]}))"
    found = subprocess.run([python, "-c", script, *packages], check=True, capture_output=True, text=True)
    return {str(name): str(version) for name, version in json.loads(found.stdout).items()}


def run_program(
    program: str,
    *arguments: object,
    python: Path | str = sys.executable,
    launcher: Sequence[str] = (),
    environment: Mapping[str, str] = {},
) -> dict[str, float]:
    """Run `program DATA RESULT …` on a terminal of its own, so that progress bars are drawn; returns its figures.

    `wall_s` is added: the whole process, imports and all.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        first, *rest = map(str, arguments)
        command = [str(python), *launcher, str(PROGRAMS / program), first, str(result), *rest]
        terminal, other_end = pty.openpty()
        shown: list[bytes] = []
        reader = threading.Thread(target=_drain, args=(terminal, shown), daemon=True)
        reader.start()
        start = time.perf_counter()
        process = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=other_end,
            stderr=other_end,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "TF_CPP_MIN_LOG_LEVEL": "2", **environment},
            check=False,
        )
        wall_s = time.perf_counter() - start
        os.close(other_end)
        reader.join()
        os.close(terminal)
        if process.returncode != 0 or not result.exists():
            raise SystemExit(f"{program} failed:\n{b''.join(shown)[-3000:].decode(errors='replace')}")
        return {**json.loads(result.read_text()), "wall_s": wall_s}


def _drain(terminal: int, shown: list[bytes]) -> None:
    while True:
        try:
            piece = os.read(terminal, 1 << 16)
        except OSError:  # the other end is closed
            return
        if not piece:
            return
        shown.append(piece)
