"""MNIST in Argosy, images moved at random: `mnist_augmented.py DATA RESULT SEED`."""

import sys

import numpy as np
import torch
from timed import report

import argosy

data, result, seed = sys.argv[1:]
torch.manual_seed(int(seed))
with np.load(data) as file:
    train, test = (file["x_train"], file["y_train"]), (file["x_test"], file["y_test"])

with report(result) as figures:
    model = argosy.models.perceptron(784, 128, 10)
    trainer = argosy.Trainer(model, optimizer="adam", loss="cross_entropy", metrics=["accuracy"], seed=int(seed))
    change = argosy.data.ImageAugmentation(shift=2, rotate=10)
    trainer.fit(train, validation=test, epochs=20, batch_size=128, augmentation=change)
    figures["accuracy"] = trainer.evaluate(test)["accuracy"]
