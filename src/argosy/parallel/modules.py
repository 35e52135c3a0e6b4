"""Which modules ranks can share in which way, and why not the others: what a user hands over is looked at first."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from fnmatch import fnmatch
from typing import Any

import torch
from torch import Tensor, nn

from argosy.config import Layout, UserError, nearest
from argosy.models import Perceptron, Transformer

PLAN_KINDS = ("column", "column, gathered", "row")
"""What a plan of the user's can say of a linear layer."""


def check_plan(model: nn.Module, plan: Mapping[str, str]) -> None:
    """Raise `UserError` `bad-plan` for a kind or a name that there is not, or that is no linear layer."""
    modules = dict(model.named_modules())
    if isinstance(model, Transformer):
        raise UserError("bad-plan", "a Transformer has its own plan", hint="leave `plan` out")
    for pattern, kind in plan.items():
        if kind not in PLAN_KINDS:
            known = ", ".join(map(repr, PLAN_KINDS))
            raise UserError("bad-plan", f"plan: {pattern!r} = {kind!r}: expected {known}{nearest(kind, PLAN_KINDS)}")
        found = [name for name in modules if name and fnmatch(name, pattern)]
        if not found:
            linear = list(_linear(model))
            raise UserError(
                "bad-plan",
                f"plan: no module is named {pattern!r}; the linear layers are {', '.join(linear) or 'none'}"
                f"{nearest(pattern, linear)}",
            )
        for name in found:
            if type(modules[name]) is not nn.Linear:
                what = type(modules[name]).__name__
                raise UserError("bad-plan", f"plan: {name!r} is a {what}; ranks can share linear layers (nn.Linear)")


def refuse_module(model: nn.Module, layout: Layout, plan: Mapping[str, str] | None, some: Tensor) -> None:
    """Raise `UserError` `indivisible` unless ranks can share a model so; `some` [B, …] are features for it."""
    for problem, hint in _problems(model, layout, plan, some):
        raise UserError("indivisible", problem, hint=hint)


def _problems(
    model: nn.Module, layout: Layout, plan: Mapping[str, str] | None, some: Tensor
) -> Iterator[tuple[str, str]]:
    name = type(model).__name__
    if layout.context > 1 and not isinstance(model, Transformer):
        yield f"layout.context = {layout.context}: {name} has no sequence of tokens that ranks could share", ""
    if layout.tensor > 1 and plan is None and not isinstance(model, Perceptron | Transformer):
        example = _example(list(_linear(model)))
        yield (
            f"layout.tensor = {layout.tensor}: how ranks share the products of {name} is not known",
            f"give a plan, such as plan={example}" if example else "it has no linear layers; use data or shard",
        )
    if layout.ranks > layout.data * layout.pipeline * layout.tensor:
        for key, parameter in model.named_parameters():
            if parameter.ndim == 0:
                yield f"layout.shard: parameter {key!r} is a single number", "give it one dimension: torch.ones(1)"
    if layout.pipeline > 1 and not isinstance(model, Transformer):
        yield from _pipeline_problems(model, layout.pipeline, some)


def _pipeline_problems(model: nn.Module, stages: int, some: Tensor) -> Iterator[tuple[str, str]]:
    from argosy.parallel.part import is_sequential
    from argosy.parallel.shared import indivisible

    what = f"layout.pipeline = {stages}"
    if not is_sequential(model):
        yield f"{what}: what comes after what in {type(model).__name__} is not known", "give an nn.Sequential of layers"
        return
    if len(indivisible(model)) < stages:
        count = len(indivisible(model))
        layers = f"{count} layer{'s' if count > 1 else ''} with parameters"
        yield f"{what}: {layers} {'are' if count > 1 else 'is'} fewer than {stages} stages", ""
    owner: dict[int, str] = {}
    for name, layer in model._modules.items():
        for parameter in [] if layer is None else layer.parameters():
            if owner.setdefault(id(parameter), name) != name:
                yield f"{what}: layers {owner[id(parameter)]!r} and {name!r} share a parameter, stages do not", ""
    yield from _layer_problems(what, model, some)


def _layer_problems(what: str, model: nn.Sequential, some: Tensor) -> Iterator[tuple[str, str]]:
    """Send a few examples through; a stage hands on one tensor, and remembers nothing of what it has seen."""
    x: Any = some
    with torch.no_grad(), torch.random.fork_rng(devices=[some.device] if some.device.type == "cuda" else []):
        for name, layer in deepcopy(model).train()._modules.items():
            assert layer is not None
            before = {key: buffer.clone() for key, buffer in layer.named_buffers()}
            x, title = layer(x), f"layer {name!r} ({type(layer).__name__})"
            changed = [key for key, buffer in layer.named_buffers() if not torch.equal(before[key], buffer)]
            norms = [key for key, part in layer.named_modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
            if changed or norms:
                yield (
                    f"{what}: {title} looks at a whole batch, and a pipeline computes a few examples at a time",
                    "nn.LayerNorm and nn.GroupNorm look at one example",
                )
            if not isinstance(x, Tensor):
                yield f"{what}: {title} gives a {type(x).__name__}, and a stage hands on one tensor", ""
                return


def _linear(model: nn.Module) -> Iterator[str]:
    return (name for name, module in model.named_modules() if type(module) is nn.Linear and name)


def _example(linear: list[str]) -> dict[str, str]:
    plan = {name: "row" if place % 2 else "column" for place, name in enumerate(linear)}
    if len(linear) % 2:
        plan[linear[-1]] = "column, gathered"
    return plan
