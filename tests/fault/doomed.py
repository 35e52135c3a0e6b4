"""A training rank where there is no place for rank 3: `python -m tests.fault.doomed RUN STOP_AT LAYOUT`."""

import os
import signal

from argosy.training.worker import main as train


def main() -> None:
    """Train, but as rank 3 die."""
    if os.environ["RANK"] == "3":
        os.kill(os.getpid(), signal.SIGKILL)
    train()


if __name__ == "__main__":
    main()
