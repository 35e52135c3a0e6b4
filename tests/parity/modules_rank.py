"""One rank of the parity test of modules: `python -m tests.parity.modules_rank OUT RANKS [PART]`, its cells in turn.

PART is what their names have in common; `text` trains a language model instead.

For each cell, rank 0 writes losses, gradients and weights; every rank writes what it predicts and how it is judged.
"""

import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import argosy
from argosy.config import Layout, RunConfig, TransformerConfig, UserError
from argosy.data import Arrays
from argosy.models import Transformer, perceptron
from argosy.parallel import gathered, join

FEATURES, CLASSES, STEPS = 6, 5, 10


class Own(nn.Module):
    """A user's module, with a residual, a parameter of its own and a list of modules."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(FEATURES, 11), nn.Linear(11, FEATURES)
        self.norms = nn.ModuleList([nn.LayerNorm(FEATURES), nn.LayerNorm(FEATURES)])
        self.scale, self.head = nn.Parameter(torch.ones(FEATURES)), nn.Linear(FEATURES, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.scale * self.down(torch.tanh(self.up(self.norms[0](x))))
        return self.head(self.norms[1](x))


def sequential() -> nn.Sequential:
    """Layers that divide into nothing, by names of their own."""
    return nn.Sequential(
        OrderedDict(
            first=nn.Linear(FEATURES, 13),
            relu=nn.ReLU(),
            norm=nn.LayerNorm(13),
            second=nn.Linear(13, 7),
            tanh=nn.Tanh(),
            third=nn.Linear(7, CLASSES),
        )
    )


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, as a user would write it."""

    def __init__(self, parameters: Any, lr: float = 1e-3) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                state["count"] = state.get("count", 0) + 1  # a number that is no tensor
                momentum = state.setdefault("momentum", torch.zeros_like(parameter))
                parameter -= group["lr"] * torch.lerp(momentum, parameter.grad, 0.1).sign()
                momentum.lerp_(parameter.grad, 0.01)


MODELS = {"perceptron": lambda: perceptron(FEATURES, 9, 7, CLASSES), "sequential": sequential, "own": Own}
PLANS = {
    "own": {"up": "column", "down": "row", "head": "column, gathered"},
    "sequential": {"first": "column, gathered", "second": "column", "third": "row"},
}
MUCH = {
    "ema_decay": 0.8,
    "label_smoothing": 0.1,
    "gradient_clip": 0.5,
    "schedule": "cosine",
    "class_weight": {1: 3.0},
}
CELLS: dict[str, dict[str, Any]] = {
    "perceptron data=2": {},
    "perceptron shard=2 sgd": {},
    "perceptron tensor=2": {},
    "perceptron pipeline=2 much": MUCH,
    "sequential shard=2 much": MUCH,
    "sequential pipeline=2": {},
    "own shard=2 Lion": {},
    "own tensor=2 adagrad": {},
    "perceptron shard=2 control": {},
    "perceptron pipeline=3": {},
    "own shard=3 rmsprop": {},
    "perceptron shard=2,tensor=2 much": MUCH,
    "perceptron data=2,tensor=2 Lion": {},
    "perceptron tensor=2,pipeline=2": {},
    "perceptron data=2,shard=2 muon": {},
    "sequential shard=2,pipeline=2 much": MUCH,
    "sequential tensor=2,pipeline=2 adamw": {},
    "sequential data=2,pipeline=2 adagrad": {},
    "own shard=2,tensor=2 much": MUCH,
    "own tensor=4": {},
}
"""Model, layout, what is different."""


def layout_of(name: str) -> Layout:
    """The layout of a cell."""
    return Layout(**{key: int(value) for key, value in (part.split("=") for part in name.split()[1].split(","))})


def examples() -> Arrays:
    """Of such a number that batches of ten leave a rest."""
    chance = np.random.default_rng(0)
    return Arrays(chance.normal(0, 1, (37, FEATURES)).astype(np.float32), chance.integers(0, CLASSES, 37))


def run_cell(name: str, layout: Layout) -> dict[str, Any]:
    """Train ten steps, in as many epochs, so that the model is put together after each."""
    model, _, *changes = name.split()
    options = dict(CELLS[name])
    fit = {"class_weight": options.pop("class_weight")} if "class_weight" in options else {}
    torch.manual_seed(0)
    plan = PLANS.get(model) if layout.tensor > 1 else None
    optimizers = {"Lion": Lion} | {name: name for name in ("sgd", "adamw", "adagrad", "rmsprop", "muon")}
    if changes and changes[0] in optimizers:
        options["optimizer"] = optimizers[changes[0]]
    trainer = argosy.Trainer(MODELS[model](), metrics=["accuracy"], layout=layout, plan=plan, **options)
    gradients: list[dict[str, Tensor]] = []

    def keep(*_: Any) -> None:
        laid = trainer._laid_out
        assert laid is not None
        named = laid.engine.stored_parameters().items()
        if "control" in changes and laid.engine.mesh.world.rank == 1:
            for parameter in laid.engine.parameters:
                parameter.grad *= 2
        gradients.append(gathered({n: p.grad.clone() for n, p in named if p.grad is not None}, laid.engine.mesh))

    trainer.optimizers[0].register_step_pre_hook(keep)
    data = examples()
    trainer.fit(data, validation=data, steps=STEPS, epochs=STEPS, batch_size=10, **fit)
    return {
        "history": dict(trainer.history),
        "gradients": gradients,
        "weights": {name: p.detach().clone() for name, p in trainer.model.named_parameters()},
        "judged": trainer.evaluate(data),
        "predicted": torch.from_numpy(trainer.predict(data.features)),
        "counts": [state.get("count") for state in trainer.optimizers[0].state.values()],
        "state": {name: value.clone() for name, value in trainer.optimizer_state().items()},
    }


TEXT_LAYOUTS = ("shard=2", "tensor=2", "pipeline=2", "context=2")


def run_text(run: Path, layout: Layout) -> dict[str, Any]:
    """Train a small language model on what was prepared in a run."""
    text = argosy.data.sequences(run, 16)
    sizes = {"dim": 32, "layers": 3, "heads": 4, "kv_heads": 2, "ffn_dim": 48}
    options = {"norm_eps": 1e-5, "rope_theta": 1e4, "tied_embeddings": True, "qk_norm": True}
    model = Transformer(
        TransformerConfig(vocabulary_size=text.store.index.vocabulary_size, sequence_length=16, **sizes, **options)
    )
    model.initialise(0)
    trainer = argosy.Trainer(model, layout=layout, ema_decay=0.5)
    trainer.fit(text, validation=text, steps=6, epochs=2, batch_size=10)
    return {"history": dict(trainer.history), "judged": trainer.evaluate(text)}


class Forgetful(nn.Module):
    """Batch normalisation and dropout, which remember and draw."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(FEATURES, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, CLASSES))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def go_on(folder: Path) -> dict[str, Any]:
    """Stop, save, load and go on: on another layout, and on the same one."""
    torch.manual_seed(0)
    other = argosy.Trainer(perceptron(FEATURES, 9, 7, CLASSES), layout=Layout(shard=2), ema_decay=0.8)
    other.fit(examples(), epochs=2, batch_size=10)
    other = argosy.Trainer.load(other.save(folder / "other"), layout=Layout(tensor=2))
    other.fit(examples(), epochs=2, batch_size=10)
    other.save(folder / "other")
    histories = [dict(other.history)]
    for stops in (False, True):
        torch.manual_seed(0)
        trainer = argosy.Trainer(Forgetful(), layout=Layout(shard=2))
        if stops:
            trainer.fit(examples(), epochs=2, batch_size=10)
            trainer = argosy.Trainer.load(trainer.save(folder / "same"), Forgetful(), layout=Layout(shard=2))
        trainer.fit(examples(), epochs=2 if stops else 4, batch_size=10)
        histories.append(dict(trainer.history))
    return {"histories": histories, "predicted": torch.from_numpy(other.predict(examples().features))}


def wrong_plans() -> list[str]:
    """What is said of plans that change what is computed."""
    said = []
    between = nn.Sequential(nn.Linear(FEATURES, 8), nn.PReLU(), nn.Linear(8, CLASSES))
    for model, plan in ((Own(), {"up": "column"}), (between, {"0": "column", "2": "row"})):
        try:
            argosy.Trainer(model, layout=Layout(tensor=2), plan=plan).fit(examples(), batch_size=10)
        except UserError as error:
            said.append(f"{error} [{error.code}]")
    return said


def main() -> None:
    """Run the cells of so many ranks."""
    out, ranks, part = Path(sys.argv[1]), int(sys.argv[2]), "".join(sys.argv[3:])
    torch.set_num_threads(1)
    with join(RunConfig()) as world:
        for name in TEXT_LAYOUTS if part == "text" else ():
            torch.save(run_text(out / "run", layout_of(f"text {name}")), out / f"text-{name}-{world.rank}.pt")
        for place, name in enumerate(CELLS):
            if layout_of(name).ranks == ranks and part in name:
                torch.save(run_cell(name, layout_of(name)), out / f"{place}-{world.rank}.pt")
        if ranks == 2 and not part:
            torch.save(wrong_plans(), out / f"wrong-{world.rank}.pt")
        if ranks == 2 and part in ("", "go-on"):
            torch.save(go_on(out), out / f"on-{world.rank}.pt")


if __name__ == "__main__":
    main()
