"""Compile, fit, evaluate, predict, save, load: on examples whose answer is known."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

import argosy
from argosy.config import UserError
from argosy.data import ArrayPlan, Arrays, Sequences, as_arrays, mnist, prepare, sequences
from argosy.models import language_model, perceptron
from argosy.training import EpochCallback
from tests.data.corpora import make_venture, write_stories


def clouds(size: int = 600, seed: int = 0) -> Arrays:
    """Three clouds of points in the plane, which a small perceptron can tell apart."""
    chance = np.random.default_rng(seed)
    labels = chance.integers(0, 3, size)
    centres = np.array([[0, 2], [2, -1], [-2, -1]])
    return Arrays((centres[labels] + chance.normal(0, 0.7, (size, 2))).astype(np.float32), labels)


def trainer(**options: Any) -> argosy.Trainer:
    """A small perceptron that always begins the same."""
    torch.manual_seed(1)
    return argosy.Trainer(perceptron(2, 16, 3), metrics=["accuracy"], learning_rate=0.01, **options)


def test_the_seven_lines(tmp_path: Path) -> None:
    train, test = clouds(), clouds(seed=1)
    model = trainer()
    history = model.fit(train, validation=test, epochs=6, batch_size=32)
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"] and history.epochs == 6
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    figures = model.evaluate(test)
    assert figures["accuracy"] > 0.95 and figures["loss"] == pytest.approx(history["val_loss"][-1])
    outputs = model.predict(test.features)
    assert (outputs.argmax(1) == test.targets).mean() == pytest.approx(figures["accuracy"])
    model.save(tmp_path / "saved")
    history.plot(tmp_path / "history.html")
    assert "<html>" in (tmp_path / "history.html").read_text()[:200]


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop", "adagrad"])
def test_saved_and_loaded_goes_on_in_the_same_bits(tmp_path: Path, optimizer: str) -> None:
    straight, stopped = trainer(optimizer=optimizer), trainer(optimizer=optimizer)
    straight.fit(clouds(), epochs=4, batch_size=50)
    stopped.fit(clouds(), epochs=2, batch_size=50)
    loaded = argosy.Trainer.load(stopped.save(tmp_path / "run"))
    loaded.fit(clouds(), epochs=2, batch_size=50)
    assert dict(loaded.history) == dict(straight.history)
    pairs = zip(loaded.model.parameters(), straight.model.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_plain_torch_loop_computes_the_same() -> None:
    data = clouds(100)
    ours = trainer(optimizer="sgd")
    ours.fit(data, epochs=2, batch_size=32)
    torch.manual_seed(1)
    model = perceptron(2, 16, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, fused=True)
    plan = ArrayPlan(100, 32, 0)
    for step in range(2 * plan.steps_per_epoch):
        features, targets = (torch.from_numpy(array[plan.rows(step)]) for array in data)
        loss = nn.functional.cross_entropy(model(features), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for a, b in zip(ours.model.cpu().parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_every_example_once_an_epoch() -> None:
    plan = ArrayPlan(103, 10, seed=3)
    assert plan.steps_per_epoch == 11
    for epoch in (0, 5):
        steps = range(epoch * 11, (epoch + 1) * 11)
        assert sorted(np.concatenate([plan.rows(step) for step in steps]).tolist()) == list(range(103))
    assert plan.rows(0).tolist() != plan.rows(11).tolist()


def frame() -> Any:
    """Something like a data frame: NumPy can read it."""

    class Frame:
        shape = (600, 2)

        def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
            return clouds().features

        def __len__(self) -> int:
            return 600

    return Frame()


@pytest.mark.parametrize(
    "examples",
    [
        lambda: tuple(clouds()),
        lambda: (clouds().features.tolist(), clouds().targets.tolist()),
        lambda: (torch.from_numpy(clouds().features), torch.from_numpy(clouds().targets)),
        lambda: TensorDataset(torch.from_numpy(clouds().features), torch.from_numpy(clouds().targets)),
        lambda: (frame(), clouds().targets),
        lambda: (clouds().features.astype(np.float64), np.eye(3)[clouds().targets]),
    ],
)
def test_whatever_a_user_has(examples: Callable[[], Any]) -> None:
    assert trainer().fit(examples(), batch_size=64)["loss"] == pytest.approx(
        trainer().fit(clouds(), batch_size=64)["loss"], rel=1e-5
    )


def test_class_weights_and_own_functions() -> None:
    def halves(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(outputs, targets) / 2  # a mean, as torch gives it

    plain = trainer().evaluate(clouds())["loss"]
    model = argosy.Trainer(trainer().model, loss=halves, metrics=[halves], optimizer=torch.optim.Adagrad)
    assert model.evaluate(clouds()) == pytest.approx({"loss": plain / 2, "halves": plain / 2})
    only_class_2 = trainer()
    only_class_2.fit(clouds(), epochs=5, class_weight={0: 0.0, 1: 0.0})
    assert (only_class_2.predict(clouds().features).argmax(1) == 2).mean() > 0.9


def test_early_stopping_puts_the_best_back() -> None:
    model = trainer()
    stopping = argosy.EarlyStopping("val_accuracy", patience=2)
    wild = [group.update(lr=1.0) for group in model.optimizers[0].param_groups]
    assert wild
    history = model.fit(clouds(60), validation=clouds(seed=1), epochs=50, callbacks=[stopping])
    assert history.epochs == stopping.best_epoch + 2 < 50
    assert model.evaluate(clouds(seed=1))["accuracy"] == max(history["val_accuracy"])


def test_early_stopping_knows_nothing_of_another_fit() -> None:
    stopping = argosy.EarlyStopping("val_loss", patience=1)
    good, bad = trainer(), argosy.Trainer(perceptron(2, 16, 3), metrics=["accuracy"], learning_rate=1e-9)
    good.fit(clouds(), validation=clouds(seed=1), epochs=3, callbacks=[stopping])
    bad.fit(clouds(), validation=clouds(seed=1), callbacks=[stopping])
    assert bad.evaluate(clouds(seed=1))["accuracy"] < 0.9


def test_saving_removes_nothing_but_a_trainer(tmp_path: Path) -> None:
    folder = trainer().save(tmp_path / "run")
    trainer().save(folder)
    (folder / "plot.html").write_text("mine")
    with pytest.raises(UserError, match=r"holds plot\.html, which saving would remove"):
        trainer().save(folder)


def test_values_and_columns_of_values_are_the_same() -> None:
    features, targets = clouds().features, clouds().features[:, 0]
    losses = [
        argosy.Trainer(perceptron(2, 1), loss=loss).evaluate(features, shaped)["loss"]
        for loss in (nn.MSELoss(), "mean_squared_error")
        for shaped in (targets, targets[:, None])
        for _ in [torch.manual_seed(1)]
    ]
    assert losses == [losses[0]] * 4
    with pytest.raises(UserError, match=r"\[2, 2\] values for 2 examples"):
        argosy.Trainer(perceptron(2, 1), loss=lambda o, t: (o - t) ** 2).fit(features, targets)


class Odd(nn.Module):
    """Dropout, batch normalisation, a convolution, and weights that do not lie in order."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(1, 4, 3).to(memory_format=torch.channels_last)
        self.normalisation, self.dropout, self.head = nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Linear(16, 3)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        images = features.repeat(1, 8)[:, None].reshape(-1, 1, 4, 4)
        return self.head(self.dropout(self.normalisation(self.convolution(images)).flatten(1)))


def two_rates(parameters: Any) -> torch.optim.Optimizer:
    """An optimiser with a learning rate for each half."""
    one, *others = parameters
    return torch.optim.SGD([{"params": [one], "lr": 0.01}, {"params": others, "lr": 0.03}])


class Halve(EpochCallback):
    def on_epoch(self, trainer: argosy.Trainer, epoch: int, figures: Any) -> None:
        for group in trainer.groups:
            group["lr"] /= 2


@pytest.mark.parametrize("optimizer", ["muon", two_rates])
def test_chance_rates_and_statistics_go_on_in_the_same_bits(tmp_path: Path, optimizer: Any) -> None:
    def made() -> argosy.Trainer:
        torch.manual_seed(1)
        return argosy.Trainer(Odd(), optimizer=optimizer)

    def fit(model: argosy.Trainer, epochs: int) -> argosy.Trainer:
        model.fit(clouds(), epochs=epochs, callbacks=[Halve()])
        return model

    straight, stopped = fit(made(), 4), fit(made(), 2)
    given = {} if isinstance(optimizer, str) else {"optimizer": optimizer}
    loaded = fit(argosy.Trainer.load(stopped.save(tmp_path / "run"), Odd(), **given), 2)
    assert dict(loaded.history) == dict(straight.history)
    assert [group["lr"] for group in loaded.groups] == [group["lr"] for group in straight.groups]


def test_a_pass_begins_at_an_example_that_begins_one() -> None:
    seen: list[float] = []

    def look(features: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        seen.extend(features[:, 0].tolist())
        return features

    model, data = trainer(), clouds(97)
    model.fit(clouds(100), batch_size=32)
    model.fit(data, batch_size=10, augmentation=look)
    assert sorted(seen) == sorted(data.features[:, 0].tolist())
    model.fit(data, batch_size=10, validation=data)
    assert np.isnan(model.history["val_loss"]).tolist() == [True, True, False]


def broken(**changes: Any) -> tuple[np.ndarray, np.ndarray]:
    """The clouds with something wrong."""
    features, targets = clouds()
    if "nan" in changes:
        features[7, 1] = features[9, 0] = np.nan
    if "label" in changes:
        targets[5] = changes["label"]
    return features, targets


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda: argosy.Trainer(perceptron(2, 3), optimizer="adma"), "did you mean 'adam'"),
        (lambda: argosy.Trainer(perceptron(2, 3), loss="cross_entrop"), "did you mean 'cross_entropy'"),
        (lambda: argosy.Trainer(perceptron(2, 3), metrics=["acuracy"]), "did you mean 'accuracy'"),
        (lambda: trainer(schedule="cosin"), "did you mean 'cosine'"),
        (lambda: trainer(label_smoothing=1.5), "label_smoothing = 1.5"),
        (lambda: trainer(ema_decay=7), "ema_decay = 7"),
        (lambda: trainer(preprocessing=["scaling"]), "'scaling': expected cleaning"),
        (lambda: trainer().fit(clouds(), epochs=0), "expected 1 or more"),
        (lambda: trainer().fit(broken(nan=True)), r"2 values are not finite, the first \(nan\) at \[7, 1\]"),
        (lambda: trainer().fit(broken(label=3)), r"1 labels are out of range, the first \(3\) at 5: expected 0 to 2"),
        (lambda: trainer().fit(broken(label=-1)), "out of range"),
        (lambda: trainer().fit(np.zeros((9, 5)), np.zeros(9, int)), r"features of shape \[5\]"),
        (lambda: trainer().fit(np.zeros((9, 2)), np.zeros(8, int)), "9 features and 8 targets"),
        (lambda: trainer().fit(np.zeros((9, 2)), np.zeros(9)), "class numbers or one-hot rows of 3"),
        (lambda: trainer().fit(np.zeros((0, 2)), np.zeros(0)), "no examples"),
        (lambda: trainer().fit(np.zeros((9, 2))), "targets are missing"),
        (lambda: trainer().fit(np.array([["a", "b"]]), [1]), "not numbers"),
        (
            lambda: argosy.Trainer(perceptron(2, 3), loss="mean_squared_error").fit(np.zeros((9, 2)), np.zeros(9)),
            r"outputs of shape \[3\] do not fit targets of shape \[\]",
        ),
        (lambda: trainer().fit(clouds(), callbacks=[argosy.EarlyStopping("val_loss")]), "'val_loss' is not measured"),
        (lambda: argosy.Trainer.load("nowhere"), "does not exist"),
        (lambda: trainer().fit(clouds(), steps=3, epochs=9), "3 steps in 9 epochs"),
        (lambda: trainer().fit(clouds(), initial_epoch=2), "from 2 on"),
        (lambda: trainer().fit(clouds(), class_weight={}), "a weight by class number"),
        (lambda: argosy.Trainer(perceptron(2, 3), loss=nn.CrossEntropyLoss()).fit(broken(label=3)), "out of range"),
        (
            lambda: argosy.Trainer(perceptron(2, 1), loss="binary_cross_entropy").fit(clouds()),
            r"labels are out of range, the first \(2\) at \d+: expected 0 or 1",
        ),
    ],
)
def test_what_does_not_fit_is_named(work: Callable[[], Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        work()


def test_folders_of_another_version_and_models_of_ones_own(tmp_path: Path) -> None:
    own = nn.Sequential(nn.Linear(2, 3))
    folder = argosy.Trainer(own).save(tmp_path / "own")
    with pytest.raises(UserError, match=r"Sequential"):
        argosy.Trainer.load(folder)
    loaded = argosy.Trainer.load(folder, nn.Sequential(nn.Linear(2, 3)))
    assert torch.equal(loaded.model[0].weight, own[0].weight)
    tree = json.loads((folder / "trainer.json").read_text())
    (folder / "trainer.json").write_text(json.dumps({**tree, "format": 9}))
    with pytest.raises(UserError, match="format 9"):
        argosy.Trainer.load(folder)


SCRIPT = """
import sys
import argosy
import torch
from tests.training.test_trainer import clouds, trainer
model = trainer(preprocessing=["normalization"], ema_decay=0.9)
jitter = lambda features, chance: features + 0.01 * torch.randn(features.shape, generator=chance).to(features.device)
options = {"epochs": 3, "batch_size": 17, "augmentation": jitter}
history = model.fit(clouds(103), validation=clouds(50, seed=1), **options)
argosy.Trainer.load(model.save(sys.argv[1]))  # on every rank
"""


def test_the_same_lines_under_torchrun(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    root = Path(__file__).resolve().parents[2]
    path = [str(root), os.environ.get("PYTHONPATH", "")]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "3"]
    for name, start in (("one", []), ("three", launcher)):
        command = [sys.executable, *start, str(script), str(tmp_path / name)]
        subprocess.run(command, check=True, cwd=root, env={**os.environ, "PYTHONPATH": os.pathsep.join(path)})
    one, three = (argosy.Trainer.load(tmp_path / name) for name in ("one", "three"))
    for name, values in one.history.items():
        assert three.history[name] == pytest.approx(values, abs=1e-5), name


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, as a user would write it."""

    def __init__(self, parameters: Any, lr: float = 1e-3) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                momentum = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                parameter -= group["lr"] * torch.lerp(momentum, parameter.grad, 0.1).sign()
                momentum.lerp_(parameter.grad, 0.01)


@pytest.mark.parametrize(
    "options", [{"optimizer": Lion}, {"optimizer": "muon"}, {"schedule": "wsd"}, {"ema_decay": 0.9}]
)
def test_other_ways_to_train_learn_and_go_on(tmp_path: Path, options: dict[str, Any]) -> None:
    straight, stopped = trainer(**options), trainer(**options)
    straight.fit(clouds(), epochs=3)
    if "schedule" not in options:  # one is of a whole fit
        stopped.fit(clouds(), epochs=1)
        given = {"optimizer": Lion} if options.get("optimizer") is Lion else {}
        stopped = argosy.Trainer.load(stopped.save(tmp_path / "run"), **given)
        stopped.fit(clouds(), epochs=2)
        assert dict(stopped.history) == dict(straight.history)
        assert stopped.evaluate(clouds()) == straight.evaluate(clouds())
    assert straight.evaluate(clouds(seed=1))["accuracy"] > 0.9


def test_a_schedule_ends_low_and_an_average_is_judged() -> None:
    model = trainer(schedule="wsd", ema_decay=0.5)
    model.fit(clouds(), steps=100, epochs=4)
    assert model.steps == 100 and model.history.epochs == 4
    assert model.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.01 / 31)
    lively, calm = model.model.state_dict(), model.judged.state_dict()
    assert list(lively) == list(calm) and not torch.equal(lively["1.weight"], calm["1.weight"])
    predicted = model.predict(clouds().features)
    assert predicted == pytest.approx(
        model.judged.cpu()(torch.from_numpy(clouds().features)).detach().numpy(), abs=1e-6
    )


def test_label_smoothing_is_that_of_torch_and_its_loss_modules_serve() -> None:
    smooth = trainer(label_smoothing=0.1)
    own = argosy.Trainer(smooth.model, loss=nn.CrossEntropyLoss(label_smoothing=0.1))
    assert smooth.evaluate(clouds())["loss"] == pytest.approx(own.evaluate(clouds())["loss"])
    assert smooth.evaluate(clouds())["loss"] != pytest.approx(trainer().evaluate(clouds())["loss"])
    weighted = argosy.Trainer(smooth.model, loss=nn.CrossEntropyLoss(), learning_rate=0.01)
    plain = argosy.Trainer(trainer().model, learning_rate=0.01)
    assert weighted.fit(clouds(), class_weight={1: 3.0})["loss"] == plain.fit(clouds(), class_weight={1: 3.0})["loss"]


def test_preprocessing_is_learned_from_training_alone_and_saved(tmp_path: Path) -> None:
    far = Arrays(clouds().features * 1000 + 5000, clouds().targets)
    model = trainer(preprocessing=["normalization"])
    model.fit(far, epochs=4)
    expected = model.evaluate(far)
    assert expected["accuracy"] > 0.95 and trainer().evaluate(far)["accuracy"] < 0.9
    model.fit(Arrays(far.features[:10] * 7, far.targets[:10]))  # learned already
    loaded = argosy.Trainer.load(model.save(tmp_path / "run"))
    assert np.array_equal(loaded.predict(far.features), model.predict(far.features))
    assert loaded.preprocessing.state() == model.preprocessing.state()
    again = argosy.Trainer.load(tmp_path / "run", preprocessing=["normalization"])
    assert np.array_equal(again.predict(far.features), model.predict(far.features))

    refused = trainer(preprocessing=["normalization"])
    for wrong, said in ((broken(nan=True), r"2 values .* at \[7, 1\]"), (broken(label=9), "out of range")):
        with pytest.raises(UserError, match=said):
            refused.fit(wrong)
        assert not refused.preprocessing.fitted, "nothing was learned from what was refused"


def test_binary_targets_of_any_type_take_class_weights() -> None:
    features, labels = clouds().features, (clouds().targets == 1).astype(np.float32)
    losses = [
        argosy.Trainer(perceptron(2, 1), loss="binary_cross_entropy").fit(features, shaped, class_weight={1: 3.0})
        for shaped in (labels, labels.astype(int), labels[:, None])
        for _ in [torch.manual_seed(1)]
    ]
    assert losses[0]["loss"] == losses[1]["loss"] == losses[2]["loss"]


def text(folder: Path) -> Sequences:
    """A small corpus, prepared."""
    prepare(
        make_venture(folder, {"kind": "jsonl", "path": str(write_stories(folder / "a.jsonl", 300))}), folder / "run"
    )
    return sequences(folder / "run", 16)


def test_the_same_object_trains_a_language_model(tmp_path: Path) -> None:
    corpus = text(tmp_path)
    model = language_model("200K", corpus.store.index.vocabulary_size, sequence_length=16)
    trained = argosy.Trainer(model, optimizer="muon", schedule="cosine")
    before = trained.evaluate(corpus)
    history = trained.fit(corpus, tokens=40 * 16 * 8, batch_size=8, epochs=2, validation=corpus)
    assert trained.steps == 40 and list(history) == ["loss", "val_loss", "val_perplexity", "val_bits_per_byte"]
    assert history["val_bits_per_byte"][-1] < 0.9 * before["bits_per_byte"]
    loaded = argosy.Trainer.load(trained.save(tmp_path / "saved"))
    assert loaded.evaluate(corpus) == trained.evaluate(corpus)
    for wrong, message in (
        (lambda: argosy.Trainer(model, metrics=["accuracy"]).fit(corpus), "metrics is for examples"),
        (lambda: argosy.Trainer(perceptron(2, 3)).fit(corpus), "text is for a Transformer, not a Perceptron"),
        (lambda: argosy.Trainer(model).fit(clouds(), tokens=3), "features of shape"),
        (lambda: trainer().fit(clouds(), tokens=3), "tokens is for text"),
    ):
        with pytest.raises(UserError, match=message):
            wrong()


def test_mnist_is_learned(data_folder: Path) -> None:
    train, test = mnist(data_folder / "mnist")
    assert train.features.shape == (60_000, 28, 28) and np.bincount(test.targets).tolist()[:3] == [980, 1135, 1032]
    model = argosy.Trainer(perceptron(784, 32, 10), metrics=["accuracy"])
    assert model.fit(train, validation=test, batch_size=128)["val_accuracy"][-1] > 0.9


def test_a_damaged_download_is_refused(tmp_path: Path) -> None:
    for name in ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"):
        (tmp_path / name).write_bytes(b"not gzip")
    with pytest.raises(UserError, match="damaged"):
        mnist(tmp_path)
    with pytest.raises(UserError, match="no train-images"):
        mnist(tmp_path / "elsewhere")


def test_numbers_that_are_integers_stay_so() -> None:
    pair = as_arrays(np.zeros((3, 4), np.int32), [True, False, True])
    assert pair.features.dtype == pair.targets.dtype == np.int64
