"""`python -m argosy.parallel.agent RANKS PORT MODULE [ARG…]`: torchrun's elastic agent on one machine.

A module of its own rather than the `torchrun` script, so that the failing rank and its signal come back as data.
"""

import logging
import sys
import uuid

from argosy.parallel.launcher import report_failure


def main() -> None:
    """Start the ranks, wait, and report the first death by signal."""
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # What the agent has to say is said by `launch`, once and in a sentence.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    ranks, port, module, *arguments = sys.argv[1:]
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=int(ranks),
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint=f"localhost:{port}",
        max_restarts=0,
        monitor_interval=0.1,
    )
    try:
        elastic_launch(config, sys.executable)("-u", "-m", module, *arguments)
    except ChildFailedError as error:
        for rank, failure in error.failures.items():
            # The agent itself ends the survivors with SIGTERM; any other signal is where the trouble began.
            if failure.exitcode < 0 and failure.exitcode != -15:
                report_failure("death", rank, {"signal": -failure.exitcode})
        sys.exit(1)


if __name__ == "__main__":
    main()
