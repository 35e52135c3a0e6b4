"""`python -m argosy.training.dry_run`: one rank's step of any layout on tensors without data, and what it takes.

Each line of standard input is a `RankSetup` as JSON, for which a `RankUse` goes out. The rank is the one that training
would start: the same model, loss, engine and optimisers. Only the tensors have no data (`FakeTensorMode`) and the
process group no peers ("fake"), so that 7 B on 64 ranks take seconds and less than a gigabyte.

Processors stand for accelerators, so that no accelerator is needed: the loss takes as many logits at once as there, and
attention over a part of a sequence stores no mask. Nothing is compiled: a compiler would keep fewer activations.
"""

import contextlib
import multiprocessing
import sys
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from unittest import mock

import torch
import torch.distributed as dist
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.parallel import DistributedDataParallel
from torch.testing._internal.distributed.fake_pg import FakeStore

from argosy.models import empty_model
from argosy.parallel import (
    Engine,
    Manner,
    Mesh,
    PipelineEngine,
    World,
    apply,
    context,
    die_with_parent,
    local,
    parallelize,
)
from argosy.planning import Exchange, RankSetup, RankUse, is_replicated
from argosy.training import loss
from argosy.training.counting import StepCounter
from argosy.training.optimizers import build_optimizers
from argosy.training.precision import DTYPES
from argosy.training.step import LossModule, TrainStep

PASSES = 3  # of accumulation that are carried out


def main() -> None:
    """Count each rank in a process of its own, which takes all the state of its group along; print it when it is done.

    They are forked from this one, so that PyTorch is imported once.
    """
    warnings.filterwarnings("ignore")
    for line in sys.stdin.read().splitlines():
        print(count_passes(RankSetup.model_validate_json(line)).model_dump_json(), flush=True)


def count_passes(setup: RankSetup) -> RankUse:
    """Count a rank in a process of its own.

    Of many accumulating passes three are carried out, and two, whose difference is what each other pass takes too.
    """
    size, unit = setup.execution.micro_batch, setup.layout.data * setup.layout.shard
    passes, rest = divmod(setup.batch_size, unit * size)
    if passes <= PASSES or rest or setup.layout.pipeline > 1:
        return _in_a_process(setup)
    few, more = (_in_a_process(setup.model_copy(update={"batch_size": n * unit * size})) for n in (PASSES - 1, PASSES))
    times = passes - PASSES
    exchanges = {
        kind: Exchange(
            calls=one.calls + times * (one.calls - few.exchanges[kind].calls),
            bytes=one.bytes + times * (one.bytes - few.exchanges[kind].bytes),
        )
        for kind, one in more.exchanges.items()
    }
    return more.model_copy(update={"flops": more.flops + times * (more.flops - few.flops), "exchanges": exchanges})


def _in_a_process(setup: RankSetup) -> RankUse:
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork"), die_with_parent) as process:
        return process.submit(count_rank, setup).result()


def count_rank(setup: RankSetup) -> RankUse:
    """Build the rank and count a step of it; no process group may be joined yet."""
    world = World(setup.rank, setup.layout.ranks, torch.device("cpu"))
    with _without_peers(world), _as_on_accelerators():
        fake = FakeTensorMode(allow_non_fake_inputs=True)
        engine = _engine(setup, Mesh(setup.layout, world), fake)
        with fake:
            return _counted(setup, engine, fake)


@contextlib.contextmanager
def _without_peers(world: World) -> Iterator[None]:
    dist.init_process_group("fake", store=FakeStore(), rank=world.rank, world_size=world.size)
    try:
        yield
    finally:
        dist.destroy_process_group()


@contextlib.contextmanager
def _as_on_accelerators() -> Iterator[None]:
    """Chunks of the loss and masks as there; and DDP does not look whether its peers, who are none, have the same."""
    alone = partial(DistributedDataParallel, init_sync=False)
    with (
        mock.patch.object(loss, "CHUNK_ELEMENTS", loss.GPU_CHUNK_ELEMENTS),
        mock.patch.object(context, "causal_lower_right", lambda *_: None),
        mock.patch.object(apply, "DistributedDataParallel", alone),
    ):
        yield


def _engine(setup: RankSetup, mesh: Mesh, fake: FakeTensorMode) -> Engine:
    """As training builds it."""
    execution, reshard = setup.execution, setup.training.reshard
    model = empty_model(setup.model)
    model.recompute = execution.recompute
    manner = Manner(
        dtype=DTYPES[execution.precision],
        micro_batch=execution.micro_batch,
        accumulation=execution.accumulation,
        schedule=execution.schedule,
        virtual_stages=execution.virtual_stages,
        keeps=None if reshard == "auto" else not reshard,
    )

    def empty(_: str, shape: torch.Size) -> Tensor:
        with fake:
            return torch.empty(shape)

    objective = LossModule(model, manner.dtype, 0 if setup.document_mask else None)
    # Meshes are real; replicas have none, but buckets of gradients that must not be.
    with fake if is_replicated(setup.layout) else contextlib.nullcontext():
        return parallelize(objective, mesh, manner, empty)


def _counted(setup: RankSetup, engine: Engine, fake: FakeTensorMode) -> RankUse:
    """A step, and what it leaves in memory."""
    rows, length = -(-setup.batch_size // engine.mesh.replicas), setup.model.sequence_length
    tokens = torch.zeros((rows, length), dtype=torch.long)
    optimizers = build_optimizers(engine.models, setup.training, 1.0, setup.execution.precision)
    step = TrainStep(engine, optimizers, learning_rate=None, gradient_clip=setup.training.gradient_clip)
    counter = StepCounter(fake, engine.parameters)
    if isinstance(engine, PipelineEngine):
        _introduce(engine, setup)
        with counter:  # in the first step neighbours tell each other that they are there
            engine.backward(tokens, tokens, 1.0)
            for parameter in engine.parameters:
                parameter.grad = None
        counter.restart()
    gradients: list[Tensor] = []
    peaks: list[int] = []  # one for each optimiser, of which the first is what counts

    def look(*_: object) -> None:
        peaks.append(counter.peak_bytes)
        gradients.extend(local(p.grad) for p in engine.parameters if p.grad is not None)

    optimizers[0].register_step_pre_hook(look)
    with counter:
        step(0, tokens, tokens, count=setup.batch_size * length)
    state = [x for o in optimizers for s in o.state.values() for x in s.values() if isinstance(x, Tensor)]
    return RankUse(
        rank=setup.rank,
        stages=tuple(engine.pipeline.stages) if isinstance(engine, PipelineEngine) else (0,),
        parameters_bytes=_bytes([local(p) for p in engine.parameters]),
        gradients_bytes=_bytes(gradients),
        optimizer_bytes=_bytes([local(x) for x in state]),
        activations_bytes=peaks[0] - _bytes([gradient for gradient in gradients if counter.counts(gradient)]),
        flops=counter.flops,
        exchanges={name: Exchange(calls=x[0], bytes=x[1]) for name, x in counter.exchanges.items()},
    )


def _introduce(engine: PipelineEngine, setup: RankSetup) -> None:
    """Tell stages what the stage before sends them, which no peer does here."""
    shape = setup.execution.micro_batch, setup.model.sequence_length // setup.layout.context // setup.layout.tensor

    def receive(_: int) -> Tensor:
        return torch.empty((*shape, setup.model.dim))

    engine.pipeline._receive = receive  # type: ignore[method-assign, assignment]


def _bytes(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)


if __name__ == "__main__":
    main()
