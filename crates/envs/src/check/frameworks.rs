//! Frameworks: builds that don't fit the machine, parts that don't fit each other.

use super::distributions::in_site;
use super::requirements::Graph;
use super::scene::{Dist, Scene};
use super::{Finding, Rank, Severity};
use crate::build::cuda::{Driver, gpus};
use deskside_knowledge::environment;
use deskside_knowledge::frameworks::{self, companion};
use deskside_knowledge::version::order;
use deskside_machine::Reading;
use deskside_types::facts::{Facts, Vendor};
use std::cmp::Ordering;

const WHY: &str = "deskside env why torch";
const CHOOSE: &str = "deskside env sync --extra auto";

/// What a framework's `version.py` says of its build.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Built {
    /// Its version with the local part: `2.9.1+cu128`.
    version: String,
    /// `12.8`
    cuda: Option<String>,
    /// ROCm's HIP: `6.4.43482`
    hip: Option<String>,
    /// The file, for evidence.
    file: String,
}

pub(crate) fn findings(scene: &Scene<'_>, facts: &Facts, graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(torch) = built(scene, "torch") {
        findings.extend(torch_on_machine(scene, facts, &torch));
        findings.extend(torch_companions(scene, &torch));
        findings.extend(tensorflow_beside(scene, &torch));
    }
    findings.extend(jax(scene, facts, graph));
    findings
}

fn built(scene: &Scene<'_>, name: &str) -> Option<Built> {
    let dist = scene.named(name).next()?;
    let file = format!("{name}/version.py");
    let text = scene
        .machine
        .text(scene.site.as_ref()?.join(&file))
        .unwrap_or_default();
    let value = |key: &str| written(&text, key);
    let version = value("__version__").unwrap_or_else(|| dist.version.clone());
    let local = version
        .split_once('+')
        .map(|(_, local)| local.to_string())
        .unwrap_or_default();
    let of_local = |start: &str| {
        let digits = local.strip_prefix(start)?;
        let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
        (digits.len() >= 3).then(|| format!("{}.{}", &digits[..2], &digits[2..]))
    };
    Some(Built {
        cuda: value("cuda").or_else(|| of_local("cu")),
        hip: value("hip").or_else(|| local.strip_prefix("rocm").map(String::from)),
        file: if text.is_empty() {
            in_site(scene, &dist.folder)
        } else {
            in_site(scene, &file)
        },
        version,
    })
}

/// The text that a module's name is given, where it is written there: torchvision has `cuda = _check_cuda_version()`, which says nothing until it runs.
fn written(text: &str, key: &str) -> Option<String> {
    let value = text.lines().find_map(|line| {
        let (head, value) = line.split_once('=')?;
        let name = head.split(':').next()?.trim();
        (name == key).then(|| value.trim())
    })?;
    let quote = value
        .chars()
        .next()
        .filter(|first| ['\'', '"'].contains(first))?;
    let inside = value.get(1..)?.split(quote).next()?;
    (!inside.is_empty()).then(|| inside.to_string())
}

/// The build beside the machine's GPUs and driver.
fn torch_on_machine(scene: &Scene<'_>, facts: &Facts, torch: &Built) -> Vec<Finding> {
    let nvidia = gpus(facts);
    // A processor's own graphics unit shares the system's memory, and nobody trains on it.
    let amd = facts.known_gpus().iter().any(|gpu| {
        gpu.vendor == Vendor::Amd
            && gpu
                .memory
                .total_bytes
                .value()
                .is_some_and(|bytes| *bytes >= 6 << 30)
    });
    let driver = Driver::loaded(facts);
    let finding = |id: &str, severity, cause: String, meaning: &str| {
        Finding::new(Rank::Pair, id, severity, cause)
            .evidence(format!("{}: {}", torch.file, torch.version))
            .meaning(meaning)
            .mend(WHY)
            .mend(CHOOSE)
            .about(["torch"])
    };
    let names = |some: &[&deskside_types::facts::Gpu]| -> String {
        some.iter()
            .map(|gpu| {
                gpu.name
                    .value()
                    .cloned()
                    .unwrap_or_else(|| "an NVIDIA GPU".into())
            })
            .collect::<Vec<_>>()
            .join(", ")
    };
    // Who asked for the processor's build has it.
    let meant = scene.extras.iter().any(|extra| extra.contains("cpu"));
    match (&torch.cuda, &torch.hip) {
        (Some(cuda), _) => {
            if nvidia.is_empty() {
                return if amd {
                    vec![finding(
                        "build-for-other-gpus",
                        Severity::WillBreak,
                        format!(
                            "torch {} is built for NVIDIA's CUDA, and this machine has an AMD GPU",
                            torch.version
                        ),
                        "it computes on the processor only; torch.cuda.is_available() is False",
                    )]
                } else {
                    Vec::new()
                };
            }
            let major: u32 = cuda
                .split('.')
                .next()
                .and_then(|major| major.parse().ok())
                .unwrap_or(0);
            let minimum = frameworks::torch()
                .drivers
                .iter()
                .find(|row| row.cuda_major == major);
            if let Some(row) = minimum
                && !driver.reaches(&row.minimum)
            {
                return vec![
                    finding(
                        "driver-too-old",
                        Severity::Broken,
                        format!("torch {} is built with CUDA {cuda}, which needs an NVIDIA driver from {} on, and this machine has {}", torch.version, row.minimum, driver.shown()),
                        "torch.cuda.is_available() is False: training runs on the processor, or ends at once",
                    )
                    .evidence(format!("{}: cuda = {cuda}", torch.file))
                    .evidence(driver.shown()),
                ];
            }
            uncovered(facts, torch, cuda)
                .map(|(gpu, capability)| {
                    finding(
                        "no-code-for-this-gpu",
                        Severity::Broken,
                        format!(
                            "torch {} has no code for {gpu} (compute capability {capability})",
                            torch.version
                        ),
                        "whatever computes on it ends in \"no kernel image is available\"",
                    )
                    .evidence(format!("{}: cuda = {cuda}", torch.file))
                })
                .into_iter()
                .collect()
        }
        (None, Some(hip)) => {
            if !nvidia.is_empty() && !amd {
                vec![
                    finding(
                        "build-for-other-gpus",
                        Severity::WillBreak,
                        format!(
                            "torch {} is built for AMD's ROCm, and this machine has {}",
                            torch.version,
                            names(&nvidia)
                        ),
                        "it computes on the processor only, or can't be imported",
                    )
                    .evidence(format!("{}: hip = {hip}", torch.file)),
                ]
            } else {
                Vec::new()
            }
        }
        (None, None) => {
            let idle = !nvidia.is_empty() && !matches!(driver, Driver::Absent(_)) || amd;
            let is_linux = facts.system.kind == deskside_types::facts::OsKind::Linux;
            if idle && is_linux && !meant {
                let gpu = if nvidia.is_empty() {
                    "an AMD GPU".to_string()
                } else {
                    names(&nvidia)
                };
                vec![finding(
                    "gpu-unused",
                    Severity::WillBreak,
                    format!(
                        "torch {} is built for the processor only, and this machine has {gpu}",
                        torch.version
                    ),
                    "torch.cuda.is_available() is False: code that asks for the GPU fails, other code is slow",
                )]
            } else {
                Vec::new()
            }
        }
    }
}

/// A GPU that the build surely has no code for.
fn uncovered(facts: &Facts, torch: &Built, cuda: &str) -> Option<(String, String)> {
    let release = torch.version.split('+').next()?;
    let series = crate::build::specifier::series_of(release);
    let architecture = facts.system.architecture.value()?;
    let code = frameworks::torch().code.iter().find(|row| {
        row.cuda == *cuda
            && row.architecture == *architecture
            && order(&row.from, &series) != Ordering::Greater
            && order(&series, &row.to) != Ordering::Greater
    })?;
    gpus(facts).into_iter().find_map(|gpu| {
        let capability = gpu.compute_capability.value()?;
        let serves = code.compute_capabilities.iter().any(|has| {
            let same_major = has.split('.').next() == capability.split('.').next();
            same_major && order(has, capability) != Ordering::Greater
        }) || (code.ptx
            && code
                .compute_capabilities
                .last()
                .is_some_and(|newest| order(newest, capability) != Ordering::Greater));
        (!serves).then(|| {
            let name = gpu
                .name
                .value()
                .cloned()
                .unwrap_or_else(|| "this GPU".into());
            (name, capability.clone())
        })
    })
}

/// torchvision and torchaudio beside torch: their versions, and that all are of one build.
fn torch_companions(scene: &Scene<'_>, torch: &Built) -> Vec<Finding> {
    let mut findings = Vec::new();
    let series = |version: &str| -> Option<(u32, u32)> {
        let mut parts = version.split(['.', '+']);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    for name in ["torchvision", "torchaudio"] {
        let Some(other) = built(scene, name) else {
            continue;
        };
        let (Some(own), Some(its)) = (series(&torch.version), series(&other.version)) else {
            continue;
        };
        // A release that the table does not have is not judged.
        let pair = companion(name).and_then(|companion| {
            let framework = format!("{}.{}", own.0, own.1);
            companion
                .pairs
                .iter()
                .find(|pair| pair.framework == framework)
        });
        let fits = pair.is_none_or(|pair| pair.companion == format!("=={}.{}.*", its.0, its.1));
        let family = |built: &Built| match (&built.cuda, &built.hip) {
            (Some(cuda), _) => Some(format!("CUDA {}", cuda)),
            (None, Some(_)) => Some("ROCm".to_string()),
            (None, None) => built
                .version
                .ends_with("+cpu")
                .then(|| "the processor".to_string()),
        };
        let builds = (family(torch), family(&other));
        let cause = if !fits {
            format!(
                "{name} {} does not go with torch {}",
                other.version, torch.version
            )
        } else if let (Some(left), Some(right)) = &builds
            && left != right
        {
            format!(
                "{name} {} is built for {right}, and torch {} for {left}",
                other.version, torch.version
            )
        } else {
            continue;
        };
        findings.push(
            Finding::new(Rank::Pair, "torch-pair", Severity::WillBreak, cause)
                .evidence(format!("{}: {}", torch.file, torch.version))
                .evidence(format!("{}: {}", other.file, other.version))
                .meaning("its compiled operators are not registered: \"operator torchvision::nms does not exist\" and the like")
                .mend(scene.sync_command())
                .about([name, "torch"]),
        );
    }
    findings
}

fn major_of(built: &Built) -> Option<u32> {
    built.cuda.as_ref()?.split('.').next()?.parse().ok()
}

/// TensorFlow is built for one CUDA major, torch for another.
fn tensorflow_beside(scene: &Scene<'_>, torch: &Built) -> Option<Finding> {
    let tensorflow = ["tensorflow", "tf-nightly"]
        .iter()
        .find_map(|name| scene.named(name).next())?;
    let wanted = environment::cuda().tensorflow_cuda;
    let has = major_of(torch)?;
    // On a machine without these libraries TensorFlow uses the processor, and nothing is in its way.
    let libraries = scene
        .distributions
        .iter()
        .any(|dist| super::cuda::major(scene, dist) == Some(wanted));
    (has > wanted).then(|| {
        Finding::new(
            Rank::Family,
            "frameworks-of-two-cudas",
            if libraries { Severity::WillBreak } else { Severity::Suspicious },
            format!("tensorflow {} is built for CUDA {wanted}, and torch {} for CUDA {has}", tensorflow.version, torch.version),
        )
        .evidence(in_site(scene, &tensorflow.folder))
        .evidence(format!("{}: {}", torch.file, torch.version))
        .meaning("only one of them can use the GPU, and their CUDA libraries overwrite each other: give each a project of its own")
        .mend("deskside env remove tensorflow")
        .about(scene.distributions.iter().filter(|dist| super::cuda::major(scene, dist).is_some()).map(|dist| dist.name.as_str()))
        .about(["tensorflow"])
    })
}

/// JAX's plugin beside jaxlib and the driver.
fn jax(scene: &Scene<'_>, facts: &Facts, graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(jaxlib) = scene.named("jaxlib").next() else {
        return findings;
    };
    let plugins: Vec<&Dist> = scene
        .distributions
        .iter()
        .filter(|dist| {
            dist.name.starts_with("jax-cuda")
                && (dist.name.ends_with("-plugin") || dist.name.ends_with("-pjrt"))
        })
        .collect();
    for plugin in &plugins {
        if plugin.version.split('+').next() != jaxlib.version.split('+').next() {
            findings.push(
                Finding::new(
                    Rank::Pair,
                    "jax-plugin-version",
                    Severity::WillBreak,
                    format!(
                        "{} {} does not go with jaxlib {}",
                        plugin.name, plugin.version, jaxlib.version
                    ),
                )
                .evidence(in_site(scene, &plugin.folder))
                .evidence(in_site(scene, &jaxlib.folder))
                .meaning(
                    "JAX passes a plugin of another version over and computes on the processor",
                )
                .mend(scene.sync_command())
                .about([plugin.name.as_str(), "jaxlib"]),
            );
        }
    }
    let nvidia = gpus(facts);
    let driver = Driver::loaded(facts);
    for plugin in plugins.iter().filter(|dist| dist.name.ends_with("-plugin")) {
        let row = frameworks::jax().builds.iter().find(|build| {
            plugin
                .name
                .strip_prefix("jax-")
                .and_then(|rest| rest.strip_suffix("-plugin"))
                == Some(build.name.as_str())
        });
        if let Some(row) = row
            && !nvidia.is_empty()
            && !driver.reaches(&row.driver)
        {
            findings.push(
                Finding::new(
                    Rank::Pair,
                    "driver-too-old",
                    Severity::Broken,
                    format!(
                        "{} needs an NVIDIA driver from {} on, and this machine has {}",
                        plugin.name,
                        row.driver,
                        driver.shown()
                    ),
                )
                .evidence(in_site(scene, &plugin.folder))
                .evidence(driver.shown())
                .meaning("JAX finds no GPU and computes on the processor, or ends at once")
                .mend("deskside env why jax")
                .mend(CHOOSE)
                .about([plugin.name.as_str()]),
            );
        }
    }
    let meant = scene.extras.iter().any(|extra| extra.contains("cpu"));
    if plugins.is_empty()
        && !nvidia.is_empty()
        && !matches!(driver, Driver::Absent(_))
        && !meant
        && graph.project_wants("jax")
    {
        findings.push(
            Finding::new(
                Rank::Pair,
                "gpu-unused",
                Severity::Suspicious,
                format!(
                    "jax is installed for the processor only, and this machine has {}",
                    nvidia
                        .iter()
                        .filter_map(|gpu| gpu.name.value().cloned())
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
            )
            .evidence(format!(
                "{}: no jax-cuda plugin beside it",
                in_site(scene, &jaxlib.folder)
            ))
            .meaning("JAX computes on the processor")
            .mend("deskside env why jax")
            .mend(CHOOSE)
            .about(["jaxlib"]),
        );
    }
    findings
}
