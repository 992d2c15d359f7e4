"""Train a small convolutional network on scikit-learn's handwritten digits, with PyTorch.

1797 real images of 8x8 pixels; they come inside the scikit-learn package, so nothing is
downloaded. Change what you like: this file is yours.
"""

import argparse
import time

import deskside
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.nn import functional as F


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lr", type=float, default=3e-3, help="peak learning rate (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=30, help="passes over the training images (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="images per step (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of every random choice (default: %(default)s)")
    return parser.parse_args()


def pick_device():
    if torch.cuda.is_available():  # NVIDIA, and AMD through ROCm
        return torch.device("cuda")
    if torch.backends.mps.is_available():  # Apple
        return torch.device("mps")
    return torch.device("cpu")


def load_data(seed, device):
    """Images scaled to 0..1 as (N, 1, 8, 8), every fifth held out for testing."""
    digits = load_digits()
    images = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)
    labels = torch.tensor(digits.target)
    train, test = train_test_split(range(len(labels)), test_size=0.2, random_state=seed, stratify=digits.target)
    return [tensor.to(device) for part in (train, test) for tensor in (images[part], labels[part])]


def make_model():
    return nn.Sequential(
        nn.Conv2d(1, 16, kernel_size=3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, kernel_size=3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


@torch.no_grad()
def accuracy(model, images, labels):
    model.eval()
    return (model(images).argmax(dim=1) == labels).float().mean().item()


def main():
    args = parse_args()
    deskside.init(experiment="digits", params=vars(args))
    torch.manual_seed(args.seed)
    device = pick_device()
    name = torch.cuda.get_device_name() if device.type == "cuda" else device.type
    print(f"PyTorch {torch.__version__} on {name}")

    train_images, train_labels, test_images, test_labels = load_data(args.seed, device)
    model = make_model().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr)
    steps_per_epoch = -(-len(train_images) // args.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs * steps_per_epoch)

    started, step = time.perf_counter(), 0
    for epoch in range(1, args.epochs + 1):
        model.train()
        for batch in torch.randperm(len(train_images)).to(device).split(args.batch_size):
            loss = F.cross_entropy(model(train_images[batch]), train_labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            step += 1
            deskside.log({"train/loss": loss.item()}, step=step)

        test_accuracy = accuracy(model, test_images, test_labels)
        deskside.log({"test/accuracy": test_accuracy}, step=step)
        if epoch % 5 == 0 or epoch == args.epochs:
            print(f"epoch {epoch:3d}  loss {loss.item():.4f}  test accuracy {test_accuracy:.4f}")

    deskside.summary["test/accuracy"] = test_accuracy
    torch.save(model.state_dict(), "model.pt")
    print(f"{step} steps in {time.perf_counter() - started:.1f} s; weights in model.pt")
    deskside.finish()


if __name__ == "__main__":
    main()
