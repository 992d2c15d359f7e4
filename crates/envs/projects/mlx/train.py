"""Train a small convolutional network on scikit-learn's handwritten digits, with MLX.

1797 real images of 8x8 pixels; they come inside the scikit-learn package, so nothing is
downloaded. Change what you like: this file is yours.
"""

import argparse
import time

import deskside
import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lr", type=float, default=2e-3, help="peak learning rate (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=20, help="passes over the training images (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="images per step (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of every random choice (default: %(default)s)")
    return parser.parse_args()


def load_data(seed):
    """Images scaled to 0..1 as (N, 8, 8, 1), every fifth held out for testing."""
    digits = load_digits()
    images = np.float32(digits.images / 16)[..., None]
    parts = train_test_split(images, digits.target, test_size=0.2, random_state=seed, stratify=digits.target)
    return [mx.array(part) for part in parts]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=1)
        self.dense1 = nn.Linear(32 * 4 * 4, 64)
        self.dense2 = nn.Linear(64, 10)

    def __call__(self, images):
        x = nn.relu(self.conv1(images))
        x = nn.relu(self.conv2(x))
        x = nn.relu(self.dense1(x.flatten(1)))
        return self.dense2(x)


def loss_fn(model, images, labels):
    return nn.losses.cross_entropy(model(images), labels, reduction="mean")


def accuracy(model, images, labels):
    return (model(images).argmax(axis=1) == labels).mean().item()


def main():
    args = parse_args()
    deskside.init(experiment="digits", params=vars(args))
    mx.random.seed(args.seed)
    rng = np.random.default_rng(args.seed)
    print(f"MLX {mx.__version__} on {mx.default_device()}")

    train_images, test_images, train_labels, test_labels = load_data(args.seed)
    model = Model()
    steps_per_epoch = -(-len(train_images) // args.batch_size)
    optimizer = optim.AdamW(optim.cosine_decay(args.lr, args.epochs * steps_per_epoch))
    loss_and_grads = nn.value_and_grad(model, loss_fn)

    started, step = time.perf_counter(), 0
    for epoch in range(1, args.epochs + 1):
        order = rng.permutation(len(train_images))
        for batch in np.split(order, range(args.batch_size, len(order), args.batch_size)):
            batch = mx.array(batch)
            loss, grads = loss_and_grads(model, train_images[batch], train_labels[batch])
            optimizer.update(model, grads)
            mx.eval(model.parameters(), optimizer.state)
            step += 1
            deskside.log({"train/loss": loss.item()}, step=step)

        test_accuracy = accuracy(model, test_images, test_labels)
        deskside.log({"test/accuracy": test_accuracy}, step=step)
        if epoch % 5 == 0 or epoch == args.epochs:
            print(f"epoch {epoch:3d}  loss {loss.item():.4f}  test accuracy {test_accuracy:.4f}")

    deskside.summary["test/accuracy"] = test_accuracy
    model.save_weights("model.safetensors")
    print(f"{step} steps in {time.perf_counter() - started:.1f} s; weights in model.safetensors")
    deskside.finish()


if __name__ == "__main__":
    main()
