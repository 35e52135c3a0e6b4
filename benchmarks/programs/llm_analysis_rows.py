"""Tokens a second of jobs by llm-analysis 0.2.2, at the efficiency of 0.5 that its README advises.

`llm_analysis_rows.py JOBS RESULT`, both JSON: a list of jobs in, a mapping from names to rates out. Jobs that it cannot
do (degrees that do not multiply out, shapes it asserts against) are left out.
"""

import dataclasses
import json
import logging
import sys
from pathlib import Path

from llm_analysis.analysis import ActivationRecomputation, DSZeRO, LLMAnalysis
from llm_analysis.config import DtypeConfig, GPUConfig, ModelConfig, ParallelismConfig, gpu_configs
from llm_analysis.logger import logger

EFFICIENCY = 0.5
RECOMPUTATION = {"selective": ActivationRecomputation.SELECTIVE, "full": ActivationRecomputation.FULL}
ZERO = {"optimizer": DSZeRO.STAGE_1, "gradients": DSZeRO.STAGE_2, "full": DSZeRO.STAGE_3}


def main() -> None:
    """Read, analyse, write."""
    logger.setLevel(logging.ERROR)
    found = {}
    for job in json.loads(Path(sys.argv[1]).read_text()):
        try:
            found[job["name"]] = tokens_per_s(job)
        except (AssertionError, TypeError, ValueError, ZeroDivisionError):
            continue
    Path(sys.argv[2]).write_text(json.dumps(found))


def tokens_per_s(job: dict) -> float:
    """Of each accelerator, as its summary's time of a micro-batch has it."""
    shipped = job["gpu"]["shipped"]
    gpu = gpu_configs[shipped] if shipped else GPUConfig(**job["gpu"]["figures"])
    gpu = dataclasses.replace(gpu, mem_per_GPU_in_GB=1e6)  # it refuses 85 runs, which ran, as too large
    bits = 8 if job["eight_bits"] else 16
    analysis = LLMAnalysis(
        ModelConfig(name="row", **job["model"]),
        gpu,
        DtypeConfig(weight_bits=bits, activation_bits=bits),
        ParallelismConfig(**job["parallelism"]),
        flops_efficiency=EFFICIENCY,
    )
    summary = analysis.training(
        batch_size_per_gpu=job["micro_batch"],
        gradient_accumulation_steps=job["micro_batches"],
        seq_len=job["sequence_length"],
        activation_recomputation=RECOMPUTATION.get(job["recomputation"], ActivationRecomputation.NONE),
        ds_zero=ZERO.get(job["sharding"], DSZeRO.NONE),
        mlp_gated_linear_units=job["gated"],
    )
    sharing = job["parallelism"]["tp_size"] * job["parallelism"]["pp_size"]
    tokens = job["micro_batch"] * job["sequence_length"]
    return tokens / summary["latency_per_micro_batch"] / sharing


if __name__ == "__main__":
    main()
