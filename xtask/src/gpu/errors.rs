//! Real programs that fail on a real card, and what `doctor -- COMMAND` makes of them.

use super::scene::{Checked, Scene};
use anyhow::Result;
use serde_json::json;
use std::process::{Command, Stdio};

/// A program that fails, and what its cause is called; none where no cause is known and none may be told.
struct Failure {
    name: &'static str,
    code: &'static str,
    environment: &'static [(&'static str, &'static str)],
    /// The finding that must come first; `None` where anything but a proven cause is right.
    cause: Option<&'static str>,
    /// Mebibytes of the card that somebody else holds meanwhile.
    held: u32,
}

const FAILURES: [Failure; 8] = [
    Failure {
        name: "more than the card has",
        code: "import torch\ntorch.empty(400 << 30, dtype=torch.uint8, device='cuda')",
        environment: &[],
        cause: Some("gpu-out-of-memory"),
        held: 0,
    },
    Failure {
        name: "somebody else holds the card",
        code: "import torch\ntorch.empty(int(torch.cuda.get_device_properties(0).total_memory * 0.6), dtype=torch.uint8, device='cuda')",
        environment: &[],
        cause: Some("gpu-out-of-memory"),
        held: 48 * 1024,
    },
    Failure {
        name: "a card is asked for that is not there",
        code: "import torch\nprint(torch.cuda.is_available())\ntorch.zeros(1, device='cuda')",
        environment: &[("CUDA_VISIBLE_DEVICES", "9")],
        cause: Some("cuda-visible-devices-hides-gpu"),
        held: 0,
    },
    Failure {
        name: "an index beyond its array, on the card",
        code: "import torch\nx = torch.zeros(2, device='cuda')\nprint(x[torch.tensor([5], device='cuda')])",
        environment: &[],
        cause: Some("assertion-in-a-kernel"),
        held: 0,
    },
    Failure {
        name: "tensors on two devices",
        code: "import torch\nprint(torch.zeros(2, device='cuda') @ torch.zeros(2))",
        environment: &[],
        cause: None,
        held: 0,
    },
    Failure {
        name: "CUDA begun before a fork",
        code: "import torch, os, sys\ntorch.zeros(1, device='cuda')\npid = os.fork()\nif pid == 0:\n    torch.zeros(1, device='cuda')\nelse:\n    _, status = os.waitpid(pid, 0)\n    sys.exit(os.waitstatus_to_exitcode(status))",
        environment: &[],
        cause: Some("cuda-in-forked-process"),
        held: 0,
    },
    Failure {
        name: "the stub library is found first",
        code: "import torch\ntorch.zeros(1, device='cuda')",
        environment: &[(
            "LD_LIBRARY_PATH",
            "/usr/local/cuda/lib64/stubs:/tmp/deskside-stubs",
        )],
        cause: Some("cuda-stub-library-found-first"),
        held: 0,
    },
    Failure {
        name: "a shape that does not fit",
        code: "import torch\nprint(torch.zeros(2, 3, device='cuda') @ torch.zeros(4, 5, device='cuda'))",
        environment: &[],
        cause: None,
        held: 0,
    },
];

/// Each failure, diagnosed.
pub fn errors(scene: &Scene) -> Result<Vec<Checked>> {
    // The stub that toolkits bring has no soname of the driver's own until somebody links it: what people do.
    let stub = std::path::Path::new("/usr/local/cuda/lib64/stubs/libcuda.so");
    if super::scene::is_there(stub) {
        std::fs::create_dir_all("/tmp/deskside-stubs")?;
        let _ = std::os::unix::fs::symlink(stub, "/tmp/deskside-stubs/libcuda.so.1");
    }
    let hold = scene.file("hold.py", include_str!("hold.py"))?;
    let python = scene.python.display().to_string();
    let mut all = Vec::new();
    for (place, failure) in FAILURES.iter().enumerate() {
        let script = scene
            .file(&format!("failure{place}.py"), failure.code)?
            .display()
            .to_string();
        let mut holder = None;
        if failure.held > 0 {
            holder = Some(
                Command::new("python3")
                    .arg(&hold)
                    .args([failure.held.to_string(), "60".into()])
                    .stdout(Stdio::null())
                    .spawn()?,
            );
            std::thread::sleep(std::time::Duration::from_secs(3));
        }
        let mut command = scene.ours(&["doctor", "--json", "--", &python, &script]);
        command.envs(failure.environment.iter().copied());
        let output = command.output()?;
        if let Some(mut holder) = holder {
            holder.kill()?;
            holder.wait()?;
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let from = if text.starts_with('{') {
            0
        } else {
            text.find("\n{").map_or(0, |at| at + 1)
        };
        let told: serde_json::Value = serde_json::from_str(&text[from..]).unwrap_or_default();
        let found: Vec<String> = told["findings"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| {
                format!(
                    "{} ({})",
                    one["id"].as_str().unwrap_or("?"),
                    one["confidence"].as_str().unwrap_or("?")
                )
            })
            .collect();
        let holds = match failure.cause {
            Some(cause) => found.first().is_some_and(|first| first.starts_with(cause)),
            None => !found.iter().any(|one| one.ends_with("(proven)")),
        };
        let seen = if found.is_empty() {
            "nothing known".to_string()
        } else {
            found.join(", ")
        };
        all.push(Checked::new(
            failure.name,
            holds,
            seen,
            json!({"doctor": told, "said": super::scene::told(&output)}),
        ));
    }
    Ok(all)
}
