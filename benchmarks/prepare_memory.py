"""Peak memory of `prepare` against the size of the corpus: flat, because everything streams.

Each size is prepared in a process of its own, on the standard library repeated with edits.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _common import Results, arguments, header, print_table
from _corpus import corpus_venture, write_corpus

CHILD = "--child"


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="prepare_memory")
    sizes = (2, 10, 40) if options.quick else (10, 100, 1000)
    sample_mib, rounds = (2, 1) if options.quick else (32, 3)
    head = header(
        ["argosy", "tokenizers", "tiktoken", "numpy"],
        vocabulary_size=16_384,
        tokenizer_sample_mib=sample_mib,
        rounds=rounds,
    )
    results = Results(options.output, head, fresh=options.fresh)
    for megabytes in sizes:
        results.measure(f"{megabytes} MB", lambda size=megabytes: _measure(size, sample_mib, rounds))
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    rows = [
        (
            name,
            f"{row['peak_memory_mib']:.0f}",
            "{:.0f}-{:.0f}".format(*row["peak_memory_mib_range"]),
            f"{row['wall_s']:.1f}",
            f"{row['mb_per_s']:.1f}",
        )
        for name, row in results.measurements.items()
    ]
    print_table(("corpus", "peak memory, MiB", "range", "s", "MB/s"), rows)


def _measure(megabytes: int, sample_mib: float, rounds: int) -> dict[str, Any]:
    """Medians of memory and time over processes, all on one corpus."""
    with tempfile.TemporaryDirectory() as folder:
        written = write_corpus(Path(folder, "corpus.jsonl"), megabytes * 10**6)
        command = [sys.executable, __file__, CHILD, folder, str(sample_mib)]
        children = [
            json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout) for _ in range(rounds)
        ]
    memory, wall = ([child[name] for child in children] for name in ("peak_memory_mib", "wall_s"))
    return {
        **children[0],
        "text_bytes": written,
        "peak_memory_mib": statistics.median(memory),
        "peak_memory_mib_range": [min(memory), max(memory)],
        "wall_s": statistics.median(wall),
        "mb_per_s": round(written / 1e6 / statistics.median(wall), 2),
    }


def _child(folder: Path, sample_mib: float) -> None:
    from argosy.data import prepare

    venture = corpus_venture(folder, "corpus.jsonl", tokenizer_sample_mib=sample_mib)
    begun = time.perf_counter()
    dataset = prepare(venture, folder / "run")
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes there, in KiB here
    figures = {
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1),
        "wall_s": round(time.perf_counter() - begun, 2),
        "tokens": dataset.tokens + dataset.held_out_tokens,
        "encoder": dataset.encoder,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        _child(Path(sys.argv[2]), float(sys.argv[3]))
    else:
        main()
