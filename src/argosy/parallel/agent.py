"""`python -m argosy.parallel.agent RANKS PORT MODULE [ARG…]`: torchrun's elastic agent on one machine.

A module of its own rather than the `torchrun` script, so that the failing rank and its signal come back as data, and
so that ranks without an accelerator can be forked from a process that has imported everything already: two seconds of
every start. CUDA does not survive a fork; with it, ranks are processes of their own as under torchrun.
"""

import importlib
import logging
import os
import signal
import sys
import traceback
import uuid
from collections.abc import Callable
from typing import Any

from argosy.parallel.launcher import name_process, report_failure


def main() -> None:
    """Start the ranks, wait, and report the first death by signal."""
    import torch
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # What the agent has to say is said by `launch`, once and in a sentence.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    ranks, port, module, *arguments = sys.argv[1:]
    forks = torch.version.cuda is None and torch.version.hip is None
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=int(ranks),
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint=f"localhost:{port}",
        max_restarts=0,
        monitor_interval=0.1,
        start_method="fork" if forks else "spawn",
    )
    try:
        if forks:
            elastic_launch(config, _rank)(_preloaded(module), [module, *arguments])
        else:
            elastic_launch(config, sys.executable)("-u", "-m", module, *arguments)
    except ChildFailedError as error:
        for rank, failure in error.failures.items():
            # The agent itself ends the survivors with SIGTERM; any other signal is where the trouble began.
            if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM:
                report_failure("death", rank, {"signal": -failure.exitcode})
        sys.exit(1)


def _preloaded(module: str) -> Callable[[], Any]:
    """The module's `main`, with what the first optimiser would import imported too."""
    importlib.import_module("torch._dynamo")
    function: Callable[[], Any] = importlib.import_module(module).main
    return function


def _rank(function: Callable[[], Any], arguments: list[str]) -> None:
    name_process(f"argosy rank {os.environ['RANK']}")
    sys.argv = arguments
    try:
        function()
    except Exception:  # which the agent would only log
        traceback.print_exc()
        sys.exit(1)


if __name__ == "__main__":
    main()
