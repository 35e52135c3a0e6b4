"""MNIST in TensorFlow on two devices, two logical CPUs of one machine: `mnist_mirrored.py DATA RESULT SEED`."""

import sys

import numpy as np
import tensorflow as tf
from timed import report

data, result, seed = sys.argv[1:]
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
tf.keras.utils.set_random_seed(int(seed))
with np.load(data) as file:
    train, test = (file["x_train"], file["y_train"]), (file["x_test"], file["y_test"])

with report(result) as figures:
    strategy = tf.distribute.MirroredStrategy([device.name for device in tf.config.list_logical_devices("CPU")])
    train_set = tf.data.Dataset.from_tensor_slices(train).shuffle(60_000, seed=int(seed)).batch(128)
    test_set = tf.data.Dataset.from_tensor_slices(test).batch(128)
    with strategy.scope():
        model = tf.keras.Sequential(
            [
                tf.keras.layers.Input((28, 28)),
                tf.keras.layers.Flatten(),
                tf.keras.layers.Dense(128, activation="relu"),
                tf.keras.layers.Dense(10),
            ]
        )
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    model.fit(train_set, validation_data=test_set, epochs=20)
    figures["accuracy"] = model.evaluate(test_set)[1]
