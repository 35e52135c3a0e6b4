"""Digits: preprocess, define, compile, train and save, evaluate. Alone or under torchrun, unchanged."""

import argosy

train, test = argosy.data.mnist()
model = argosy.models.perceptron(784, 128, 10)
trainer = argosy.Trainer(model, optimizer="adam", loss="cross_entropy", metrics=["accuracy"])
history = trainer.fit(train, validation=test, epochs=20, batch_size=128)
print(trainer.evaluate(test))
trainer.save("mnist-run")
history.plot("mnist-history.html")
