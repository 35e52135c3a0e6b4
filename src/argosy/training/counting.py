"""What one rank's step takes, counted while it runs on tensors without data: memory, FLOPs, collectives.

PyTorch's own counters cannot be right here: `FlopCounterMode` sees a DTensor before it is taken apart, and so counts a
product of the whole group, and knows no attention of processors; `MemTracker` counts optimiser state of DTensors whole.
This mode lets DTensors pass, so that it sees the local tensors they turn into; a storage counts from the operation that
made it until nothing refers to it, and FSDP's own resizing of storages is followed.
"""

import contextlib
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.distributed.tensor import DTensor
from torch.distributed.tensor._sharding_prop import ShardingPropagator
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry, sdpa_flop_count
from torch.utils.weak import WeakIdKeyDictionary

aten = torch.ops.aten


def _attention_flops(query: Tensor, key: Tensor, value: Tensor, *_: Any, **__: Any) -> int:
    return int(sdpa_flop_count(query.shape, key.shape, value.shape))  # type: ignore[no-untyped-call]


def _attention_backward_flops(_: Tensor, *forward: Any, **__: Any) -> int:
    return 2 * _attention_flops(*forward)


FLOPS: Mapping[Any, Callable[..., int]] = {
    aten.addmm_: flop_registry[aten.addmm],
    aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
    aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward_flops,
}
"""What PyTorch does not count: a product added in place, and attention on processors. That as MFU counts (Chowdhery et
al. 2022, appendix B): all pairs, masked or not, and the backward pass twice the forward."""

# Kind and the argument that is the whole tensor: what all ranks have together, or each of them sends.
EXCHANGES: Mapping[str, tuple[str, int]] = {
    "c10d::_allgather_base_": ("all_gather", 0),
    "c10d::_reduce_scatter_base_": ("reduce_scatter", 1),
    "c10d::allreduce_": ("all_reduce", 0),
    "c10d::allreduce_coalesced_": ("all_reduce", 0),
    "c10d::broadcast_": ("broadcast", 0),
    "c10d::send": ("send", 0),
    "c10d::recv_": ("receive", 0),
    "_c10d_functional::all_reduce": ("all_reduce", 0),
    "_c10d_functional::reduce_scatter_tensor": ("reduce_scatter", 0),
}
GATHER = "_c10d_functional::all_gather_into_tensor"
UNSEEN = ("wait_tensor", "_wrap_tensor_autograd", "barrier")


class StepCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts everything inside its `with`, which is entered inside that of `fake`; all but the `resident` tensors.

    No value is known without data: a number that is read from a tensor is 1.
    """

    def __init__(self, fake: FakeTensorMode, resident: Iterable[Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.fake = fake
        self.live_bytes = 0
        self.restart()
        self._sizes: Any = WeakIdKeyDictionary()
        for tensor in resident:
            self._sizes[_local(tensor).untyped_storage()] = None

    def restart(self) -> None:
        """Count from here; what is in memory stays known."""
        self.flops = 0
        self.exchanges: dict[str, list[int]] = {}
        self.peak_bytes = self.live_bytes

    def __enter__(self) -> "StepCounter":
        self._patches = contextlib.ExitStack()
        resize, shapes = torch.UntypedStorage.resize_, ShardingPropagator._propagate_tensor_meta_non_cached

        def resized(storage: Any, size: int) -> Any:
            resize(storage, size)
            if storage in self._sizes:
                self._count(storage, size)
            return storage

        def aside(*of: Any) -> Any:
            with _disable_current_modes():
                return shapes(*of)

        # FSDP frees and brings back storages past any dispatch; DTensor finds out shapes on whole tensors, which no
        # rank has.
        self._patches.enter_context(mock.patch.object(torch.UntypedStorage, "resize_", resized))
        self._patches.enter_context(mock.patch.object(ShardingPropagator, "_propagate_tensor_meta_non_cached", aside))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *about: Any) -> None:
        super().__exit__(*about)  # type: ignore[no-untyped-call]
        self._patches.close()

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if any(issubclass(one, DTensor) for one in types):
            return NotImplemented
        if func is aten._local_scalar_dense.default:
            return 1.0 if args[0].is_floating_point() else 1
        found = func(*args, **(kwargs or {}))
        packet = func._overloadpacket
        if packet in FLOPS:
            self.flops += FLOPS[packet](*args, **(kwargs or {}), out_val=found)
        elif packet in flop_registry:
            self.flops += flop_registry[packet](*args, **(kwargs or {}), out_val=found)
        elif func.namespace in ("c10d", "_c10d_functional"):
            self._exchange(func, args, found)
        for value in tree_leaves(found):
            if isinstance(value, FakeTensor) and value.fake_mode is self.fake:
                self._seen(value, args)
        return found

    def _exchange(self, func: Any, args: tuple[Any, ...], found: Any) -> None:
        name = func._schema.name
        if name.endswith(UNSEEN):
            return
        kind, place = ("all_gather", -1) if name == GATHER else EXCHANGES[name]
        whole = found if place < 0 else args[place]
        size = sum(_local(x).nbytes for x in tree_leaves(whole) if isinstance(x, Tensor))
        counted = self.exchanges.setdefault(kind, [0, 0])
        counted[0] += 1
        counted[1] += size

    def counts(self, tensor: Tensor) -> bool:
        """Whether a tensor's memory is among what was counted: it was made after the counter began."""
        return self._sizes.get(_local(tensor).untyped_storage()) is not None

    def _seen(self, tensor: Tensor, args: tuple[Any, ...]) -> None:
        storage = _local(tensor).untyped_storage()
        if storage in self._sizes:
            return
        if any(isinstance(x, Tensor) and _local(x).untyped_storage() is storage for x in tree_leaves(args)):
            self._sizes[storage] = None  # a view of something older
            return
        self._count(storage, storage.nbytes())
        weakref.finalize(storage, self._freed, self._sizes[storage])

    def _count(self, storage: Any, size: int) -> None:
        box = self._sizes.setdefault(storage, [0])
        if box is not None:
            self.live_bytes += size - box[0]
            self.peak_bytes = max(self.peak_bytes, self.live_bytes)
            box[0] = size

    def _freed(self, box: list[int]) -> None:
        self.live_bytes -= box[0]
        box[0] = 0


def _local(tensor: Tensor) -> Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
