"""MNIST in Keras, on the backend that KERAS_BACKEND names: `mnist_keras.py DATA RESULT SEED`."""

import sys

import keras
import numpy as np
from timed import report

data, result, seed = sys.argv[1:]
keras.utils.set_random_seed(int(seed))
with np.load(data) as file:
    train, test = (file["x_train"], file["y_train"]), (file["x_test"], file["y_test"])

with report(result) as figures:
    model = keras.Sequential(
        [
            keras.layers.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    model.fit(*train, validation_data=test, epochs=20, batch_size=128)
    figures["accuracy"] = model.evaluate(*test)[1]
