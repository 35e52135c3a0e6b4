"""The classic program as TensorFlow has it beside Argosy's: lines, seconds, accuracy, on one device and on two.

MNIST, 784-128-10, Adam, 20 epochs of batches of 128 over all devices. On two devices TensorFlow's program is another
one (`MirroredStrategy` over two logical CPUs); Argosy's is the same file, started by torchrun on two processes. Two
devices on one CPU are not expected to be faster: the same cores do the same work, and exchange it too.
"""

import json
import statistics
import tempfile
from pathlib import Path

from _common import Results, arguments, header, print_table
from _peers import PEERS, PROGRAMS, peer_versions, run_program
from mnist import save_mnist

TENSORFLOW = {"python": PEERS, "environment": {"KERAS_BACKEND": "tensorflow"}}
TORCHRUN = {"launcher": ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]}
RUNS = {
    "TensorFlow, 1 device": ("mnist_keras.py", TENSORFLOW),
    "Argosy, 1 process": ("mnist_argosy.py", {}),
    "TensorFlow, 2 devices": ("mnist_mirrored.py", TENSORFLOW),
    "Argosy, 2 processes": ("mnist_argosy.py", {**TORCHRUN, "environment": {"OMP_NUM_THREADS": "1"}}),
}


def main() -> None:
    """Measure, keep, print."""
    options = arguments(__doc__ or "", name="tensorflow_programs")
    rounds = 1 if options.quick else 5
    chosen = {name: run for name, run in RUNS.items() if "1" in name or not options.quick}
    head = header(["argosy", "torch"], rounds=rounds, peers=peer_versions(["keras", "tensorflow-cpu"]))
    results = Results(options.output, head, fresh=options.fresh)
    with tempfile.TemporaryDirectory() as folder:
        data = save_mnist(Path(folder))
        for seed in range(rounds):
            for name, (program, how) in chosen.items():
                results.measure(f"{name}, seed {seed}", lambda p=program, h=how, s=seed: run_program(p, data, s, **h))
    if options.json:
        print(json.dumps(results.tree(), indent=2))
        return
    rows = []
    for name, (program, _) in chosen.items():
        runs = [results.measurements[f"{name}, seed {seed}"] for seed in range(rounds)]
        medians = (statistics.median(run[key] for run in runs) for key in ("accuracy", "seconds", "wall_s"))
        accuracy, fit, wall = medians
        rows.append((name, lines_of(program), f"{accuracy:.4f}", f"{fit:.1f}", f"{wall:.1f}"))
    print_table(("", "lines", "accuracy", "fit, s", "process, s"), rows)


def lines_of(program: str) -> int:
    """Lines of a program that say something: neither blank, comment, docstring nor bracket alone."""
    text = (PROGRAMS / program).read_text().partition('"""\n')[2]
    return sum(1 for line in text.splitlines() if line.strip(" )],") and not line.strip().startswith("#"))


if __name__ == "__main__":
    main()
