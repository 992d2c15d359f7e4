//! Real frameworks, whole: chosen, installed, trained with, broken, found out, made anew, and trained with again.

use crate::person::{big_wanted, real_wanted};
use crate::project::Project;
use std::path::PathBuf;

const MLX: &str = r#"
import mlx.core as mx, mlx.nn as nn, mlx.optimizers as optim
from sklearn.datasets import load_digits

data = load_digits()
x, y = mx.array(data.data / 16.0, dtype=mx.float32), mx.array(data.target)
mx.random.seed(1)
model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
loss = lambda model: nn.losses.cross_entropy(model(x), y, reduction="mean")
step, optimizer = nn.value_and_grad(model, loss), optim.Adam(1e-2)
for _ in range(30):
    value, gradients = step(model)
    optimizer.update(model, gradients)
    mx.eval(model.parameters(), optimizer.state)
print(f"{float(value):.4f}")
assert float(value) < 0.5
"#;

const TORCH: &str = r#"
import torch
from sklearn.datasets import load_digits

data = load_digits()
x, y = torch.tensor(data.data / 16.0, dtype=torch.float32), torch.tensor(data.target)
torch.manual_seed(1)
model = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))
optimizer = torch.optim.Adam(model.parameters(), 1e-2)
for _ in range(30):
    optimizer.zero_grad()
    value = torch.nn.functional.cross_entropy(model(x), y)
    value.backward()
    optimizer.step()
print(f"{float(value):.4f}")
assert float(value) < 0.5
"#;

/// A compiled file of a package.
fn compiled(project: &Project, package: &str) -> PathBuf {
    let mut folders = vec![project.site().join(package)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(".so") {
                found.push(path);
            }
        }
    }
    found.sort();
    found.into_iter().next().unwrap()
}

fn whole(flavour: &str, script: &str) {
    let project = Project::empty();
    project.does(&["env", "init", "--flavour", flavour]);
    project.does(&["env", "add", "scikit-learn"]);
    project.person.write("step.py", script);
    let train = |project: &Project| {
        let said = project.does(&["run", "--", "python", "step.py"]);
        said.out.trim().to_string()
    };
    let first = train(&project);
    let deep = project.json(&["env", "check", "--deep"]);
    assert_eq!(deep["healthy"], true, "{deep:#}");

    // One file is gone, and one is not what was installed.
    std::fs::remove_file(compiled(&project, flavour)).unwrap();
    let damaged = compiled(&project, "sklearn");
    let bytes = std::fs::read(&damaged).unwrap();
    std::fs::remove_file(&damaged).unwrap();
    std::fs::write(&damaged, &bytes[..bytes.len() / 2]).unwrap();
    let said = project.says(&["env", "check"]);
    assert_eq!(said.code, 1, "{}", said.out);
    for name in [flavour, "scikit-learn"] {
        assert!(said.out.contains(name), "{name}: {}", said.out);
    }

    project.does(&["env", "rebuild"]);
    let deep = project.json(&["env", "check", "--deep"]);
    assert_eq!(deep["healthy"], true, "{deep:#}");
    assert_eq!(train(&project), first);
}

#[test]
fn mlx_and_scikit_learn_are_broken_found_out_and_made_anew() {
    if real_wanted() {
        whole("mlx", MLX);
    }
}

#[test]
fn torch_and_scikit_learn_are_broken_found_out_and_made_anew() {
    if big_wanted() {
        whole("torch", TORCH);
    }
}
