"""Digits, by the same lines under every kind of parallelism: alone, or under torchrun with 2 or 4 processes."""

import os
from itertools import product
from math import prod

import torch

import argosy

ranks, digits = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("DIGITS", "6000"))
ways = [degrees for degrees in product((1, 2, 4), repeat=4) if prod(degrees) == ranks and degrees[3] <= 3]  # 3 layers
train, test = argosy.data.drawn_digits(digits)  # or argosy.data.mnist()
for data, shard, tensor, pipeline in ways:
    torch.manual_seed(0)
    layout = argosy.Layout(data=data, shard=shard, tensor=tensor, pipeline=pipeline)
    model = argosy.models.perceptron(784, 128, 64, 10)
    trainer = argosy.Trainer(model, metrics=["accuracy"], layout=layout)
    history = trainer.fit(train, validation=test, epochs=2, batch_size=128)
    if os.environ.get("RANK", "0") == "0":
        figures = "  ".join(f"{name} {values[-1]:.6f}" for name, values in history.items())
        print(f"{layout!s:20}  {figures}", flush=True)
