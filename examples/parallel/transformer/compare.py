"""Train the venture beside this file on one process and under every kind of parallelism, and compare.

    python examples/parallel/transformer/compare.py [--steps 24] [LAYOUT …]

A layout is written shard=2,pipeline=2. Runs are kept in runs/ and not done again; each has a report and a timeline.
"""

import argparse
import json
import statistics
import sys
from pathlib import Path

import argosy
from argosy.evaluation import Evaluation

HERE = Path(__file__).resolve().parent
LAYOUTS = ("data=2", "shard=2", "tensor=2", "pipeline=2", "context=2", "shard=2,pipeline=2")
ONE, STEPS_ALIKE, APART = "one process", 20, 1e-5  # what docs/explanation/exactness.md promises


def carried_out(layout: str, steps: int) -> argosy.Run:
    """The run of one layout, done if it is not yet."""
    settings = [f"layout.{degree}" for degree in layout.split(",")] if layout != ONE else []
    settings += [f"training.{key}={steps}" for key in ("steps", "evaluate_every")]
    settings.append(f"training.profile_step={max(1, steps - 4)}")
    venture = argosy.load_venture(HERE / "venture.toml", settings)
    print(f"--- {layout}", file=sys.stderr)
    return argosy.run(venture, argosy.Run(HERE / "runs" / layout.replace(" ", "-")))


def main() -> None:
    """Print a row for each layout; exit status 1 when one of them is another computation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("layouts", nargs="*", default=LAYOUTS, metavar="LAYOUT")
    parser.add_argument("--steps", type=int, default=24)
    options = parser.parse_args()
    alone: list[float] = []
    worst = 0.0
    print(f"{'layout':20}{'loss':>10}{'held-out':>10}{'apart':>10}{'s/step':>9}{'bubble':>8}")
    for layout in (ONE, *options.layouts):
        run = carried_out(layout, options.steps)
        lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
        losses = [line["loss"] for line in lines]
        alone = alone or losses
        apart = max(abs(a - b) for a, b in zip(losses[:STEPS_ALIKE], alone[:STEPS_ALIKE], strict=True))
        worst = max(worst, apart)
        held_out = run.read_result("evaluation", Evaluation).held_out.loss
        bubble = json.loads((run.path / "timeline" / "timeline.json").read_text())["bubble"]
        row = f"{layout:20}{losses[-1]:10.5f}{held_out:10.5f}{apart:10.1e}"
        row += f"{statistics.median(line['step_s'] for line in lines):9.3f}"
        print(row + ("" if bubble is None else f"{100 * bubble:7.0f}%"), flush=True)
    alike = worst <= APART
    print(f"losses {'agree' if alike else 'DO NOT agree'}: {worst:.1e} apart at most in {STEPS_ALIKE} steps")
    sys.exit(0 if alike else 1)


if __name__ == "__main__":
    main()
