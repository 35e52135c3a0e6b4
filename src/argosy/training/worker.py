"""`python -m argosy.training.worker RUN [STOP_AT]`: one rank of a training run."""

import os
import signal
import sys
import traceback
from pathlib import Path

from argosy.config import AnyVenture, ArgosyError, ClassificationVenture, language_venture
from argosy.parallel import die_with_parent, join, report_failure
from argosy.storage import Run, disk_errors
from argosy.training.classifier import train_classifier
from argosy.training.language import train_language_model
from argosy.training.stage import STOP_FILE


def main() -> None:
    """Run one rank; a failure is written where the launcher finds it."""
    die_with_parent()
    run = Run(sys.argv[1])
    try:
        with disk_errors(run.path):
            work(run, run.venture(), int(sys.argv[2]) if len(sys.argv) > 2 else None)
    except ArgosyError as error:
        details = {
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "exit_code": error.exit_code,
        }
        report_failure("rank", int(os.environ.get("RANK", "0")), details)
        sys.exit(error.exit_code)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        details = {
            "code": "rank-failed",
            "message": f"rank {os.environ.get('RANK', '0')}: {type(error).__name__}: {error}",
            "hint": f"at {Path(last.filename).name}:{last.lineno}; the whole traceback is above",
            "exit_code": 1,
            "traceback": traceback.format_exc(),
        }
        report_failure("rank", int(os.environ.get("RANK", "0")), details)
        sys.exit(1)


def work(run: Run, venture: AnyVenture, stop_at: int | None) -> int:
    """Train in this process as one rank; returns the signal that asked for a stop, or 0.

    With `stop_at`, training stops for now after that step, and measures itself on all the held-out text that
    `evaluation.held_out_tokens` allows, in float32, so that runs compare whatever they evaluate meanwhile.
    """
    signals: list[int] = []

    def stop_requested() -> bool:
        return bool(signals) or (os.environ.get("RANK", "0") == "0" and (run.path / STOP_FILE).exists())

    previous = {
        number: signal.signal(number, lambda number, _: signals.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        with run.rank_lock(), join(venture.run) as world:
            if isinstance(venture, ClassificationVenture):
                train_classifier(run, venture, world, stop_requested)
            else:
                train_language_model(run, language_venture(venture), world, stop_requested, stop_at)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return signals[0] if signals else 0


if __name__ == "__main__":
    main()
