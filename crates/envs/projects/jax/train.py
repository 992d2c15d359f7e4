"""Train a small convolutional network on scikit-learn's handwritten digits, with JAX.

1797 real images of 8x8 pixels; they come inside the scikit-learn package, so nothing is
downloaded. Change what you like: this file is yours.
"""

import argparse
import time

import deskside
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lr", type=float, default=3e-3, help="peak learning rate (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=30, help="passes over the training images (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="images per step (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of every random choice (default: %(default)s)")
    return parser.parse_args()


def load_data(seed):
    """Images scaled to 0..1 as (N, 8, 8, 1), every fifth held out for testing."""
    digits = load_digits()
    images = np.float32(digits.images / 16)[..., None]
    return train_test_split(images, digits.target, test_size=0.2, random_state=seed, stratify=digits.target)


def init_params(key):
    """He initialization of two convolutions (height, width, in, out) and two dense layers (in, out)."""
    shapes = {"conv1": (3, 3, 1, 16), "conv2": (3, 3, 16, 32), "dense1": (32 * 4 * 4, 64), "dense2": (64, 10)}
    he = jax.nn.initializers.he_normal()
    keys = jax.random.split(key, len(shapes))
    return {name: {"w": he(key, shape), "b": jnp.zeros(shape[-1])} for key, (name, shape) in zip(keys, shapes.items())}


def conv(layer, x, stride):
    y = jax.lax.conv_general_dilated(x, layer["w"], (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jax.nn.relu(y + layer["b"])


def forward(params, images):
    x = conv(params["conv1"], images, stride=1)
    x = conv(params["conv2"], x, stride=2)
    x = x.reshape(len(x), -1)
    x = jax.nn.relu(x @ params["dense1"]["w"] + params["dense1"]["b"])
    return x @ params["dense2"]["w"] + params["dense2"]["b"]


def loss_fn(params, images, labels):
    return optax.softmax_cross_entropy_with_integer_labels(forward(params, images), labels).mean()


@jax.jit
def accuracy(params, images, labels):
    return (forward(params, images).argmax(axis=1) == labels).mean()


def main():
    args = parse_args()
    deskside.init(experiment="digits", params=vars(args))
    rng = np.random.default_rng(args.seed)
    print(f"JAX {jax.__version__} on {jax.devices()[0].device_kind}")

    train_images, test_images, train_labels, test_labels = load_data(args.seed)
    params = init_params(jax.random.key(args.seed))
    steps_per_epoch = -(-len(train_images) // args.batch_size)
    optimizer = optax.adamw(optax.cosine_decay_schedule(args.lr, args.epochs * steps_per_epoch), weight_decay=1e-2)
    state = optimizer.init(params)

    @jax.jit
    def train_step(params, state, images, labels):
        loss, grads = jax.value_and_grad(loss_fn)(params, images, labels)
        updates, state = optimizer.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    started, step = time.perf_counter(), 0
    for epoch in range(1, args.epochs + 1):
        order = rng.permutation(len(train_images))
        for batch in np.split(order, range(args.batch_size, len(order), args.batch_size)):
            params, state, loss = train_step(params, state, train_images[batch], train_labels[batch])
            step += 1
            deskside.log({"train/loss": float(loss)}, step=step)

        test_accuracy = float(accuracy(params, test_images, test_labels))
        deskside.log({"test/accuracy": test_accuracy}, step=step)
        if epoch % 5 == 0 or epoch == args.epochs:
            print(f"epoch {epoch:3d}  loss {float(loss):.4f}  test accuracy {test_accuracy:.4f}")

    deskside.summary["test/accuracy"] = test_accuracy
    np.savez("model.npz", **{f"{layer}.{name}": value for layer, part in params.items() for name, value in part.items()})
    print(f"{step} steps in {time.perf_counter() - started:.1f} s; weights in model.npz")
    deskside.finish()


if __name__ == "__main__":
    main()
