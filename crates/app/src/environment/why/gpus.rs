//! A GPU that a person names: by its name, its compute capability, or its target.

use super::assume::unknown;
use super::blank;
use deskside_knowledge::hardware::{self, Maker, gpu_names, gpus_called};
use deskside_types::Result;
use deskside_types::facts::{Gpu, Vendor};
use deskside_types::spelling::nearest;

/// A GPU as facts, and the processor it comes with where it comes with one only.
pub struct Meant {
    /// The GPU.
    pub gpu: Gpu,
    /// `aarch64`
    pub processor: Option<&'static str>,
}

/// The most GPUs of a name.
const MOST: usize = 64;
/// Names that are offered where one leaves open which is meant.
const OFFERED: usize = 6;

/// How many, and the name: `2x P100`, `2 x P100`, `4090 x2`.
pub fn counted(value: &str) -> (usize, &str) {
    let marks = ['x', 'X', '*', '\u{d7}'];
    let number = |text: &str| {
        let count: usize = text.trim().parse().ok()?;
        (1..=MOST).contains(&count).then_some(count)
    };
    if let Some((count, name)) = value.split_once(marks)
        && let Some(count) = number(count)
        && !name.trim().is_empty()
    {
        return (count, name.trim());
    }
    if let Some((name, count)) = value.rsplit_once(marks)
        && name.ends_with(' ')
        && let Some(count) = number(count)
    {
        return (count, name.trim());
    }
    (1, value)
}

/// Whether GPUs are called so.
pub fn is_called(value: &str) -> bool {
    value.contains(' ') && !gpus_called(value).is_empty()
}

/// The GPU of a name.
///
/// # Errors
/// [`deskside_types::Code::Usage`] with the name that may be meant.
pub fn gpu(value: &str) -> Result<Meant> {
    let lower = value.trim().to_ascii_lowercase();
    if let Some(capability) = capability(&lower) {
        return by_capability(value, &capability);
    }
    if lower.starts_with("gfx") {
        return by_target(value, &lower);
    }
    if let Some(name) = apple(&lower) {
        return Ok(Meant {
            gpu: blank::gpu(Vendor::Apple, name, None),
            processor: None,
        });
    }
    let found = gpus_called(value);
    let [one] = &found[..] else {
        if !found.is_empty() {
            let names: Vec<&str> = found.iter().take(OFFERED).map(|gpu| gpu.name).collect();
            return Err(unknown(
                format!("{value} may be several GPUs"),
                format!("which one: {}?", names.join(", ")),
            ));
        }
        let mut names = gpu_names();
        names.extend(
            hardware::apple_chips()
                .iter()
                .map(|chip| chip.brand.as_str()),
        );
        return Err(unknown(
            format!("nobody knows a GPU called {value}"),
            nearest(value, names.into_iter()).map_or_else(
                || {
                    "name its compute capability (gpu=cc8.9) or its target (gpu=gfx1100) instead"
                        .into()
                },
                |meant| format!("did you mean gpu={meant}?"),
            ),
        ));
    };
    let vendor = match one.maker {
        Maker::Nvidia => Vendor::Nvidia,
        Maker::Amd => Vendor::Amd,
        Maker::Intel => Vendor::Intel,
        Maker::Jetson => {
            return Err(unknown(
                format!("{value}: a Jetson's PyTorch comes with NVIDIA's JetPack, and which build goes with which is not known here"),
                "see NVIDIA's pages on PyTorch for Jetson; the builds of the default index are for servers".into(),
            ));
        }
    };
    Ok(Meant {
        gpu: blank::gpu(vendor, one.name, one.target),
        processor: one.processor,
    })
}

/// `8.9` of `cc8.9`, `cc 8.9`, `8.9`, `sm_89`, `sm89`, `sm_120`.
fn capability(lower: &str) -> Option<String> {
    let digits = |text: &str| !text.is_empty() && text.chars().all(|one| one.is_ascii_digit());
    if let Some(sm) = lower.strip_prefix("sm") {
        let sm = sm
            .trim_start_matches(['_', ' '])
            .trim_end_matches(['a', 'f']);
        let at = sm.len().checked_sub(1).filter(|at| *at > 0)?;
        return digits(sm).then(|| format!("{}.{}", &sm[..at], &sm[at..]));
    }
    let named = lower.strip_prefix("cc").map(str::trim);
    let text = named.unwrap_or(lower);
    match text.split_once('.') {
        Some((major, minor)) if digits(major) && digits(minor) => Some(text.into()),
        None if named.is_some() && digits(text) => Some(format!("{text}.0")),
        _ => None,
    }
}

fn by_capability(value: &str, capability: &str) -> Result<Meant> {
    let all = hardware::nvidia_architectures();
    let known = all
        .iter()
        .find(|known| known.compute_capability == capability);
    if known.is_none() {
        let names: Vec<&str> = all
            .iter()
            .map(|known| known.compute_capability.as_str())
            .collect();
        return Err(unknown(
            format!("no NVIDIA GPU of compute capability {capability} is known ({value})"),
            format!("there are {}", names.join(", ")),
        ));
    }
    Ok(Meant {
        gpu: blank::gpu(Vendor::Nvidia, "NVIDIA GPU", Some(capability)),
        processor: None,
    })
}

fn by_target(value: &str, lower: &str) -> Result<Meant> {
    match hardware::amd_target(lower) {
        Some(target) => Ok(Meant {
            gpu: blank::gpu(
                Vendor::Amd,
                &format!("AMD {} GPU", target.architecture),
                Some(lower),
            ),
            processor: None,
        }),
        None => Err(unknown(
            format!("nobody knows the target {value}"),
            nearest(
                lower,
                hardware::amd_targets()
                    .iter()
                    .map(|target| target.name.as_str()),
            )
            .map_or_else(
                || "`deskside info` on the machine tells its target".into(),
                |meant| format!("did you mean gpu={meant}?"),
            ),
        )),
    }
}

/// Apple's chip of a name: `M3 Max`, `m3max`, `Apple M3 Max`, `MacBook Pro M4`; `Apple silicon` where none is named.
fn apple(lower: &str) -> Option<&'static str> {
    const MACS: &[&str] = &[
        "apple", "mac", "macbook", "imac", "mini", "studio", "air", "book", "silicon", "chip",
        "laptop",
    ];
    let mut is_mac = false;
    let mut rest = String::new();
    for word in lower.split([' ', '-', '_']).filter(|word| !word.is_empty()) {
        if MACS.contains(&word) {
            is_mac = true;
        } else {
            rest.push_str(word);
        }
    }
    // `MacBook Pro M4`: the first Pro is the machine's.
    let rest = match rest.strip_prefix("pro") {
        Some(chip) if is_mac => chip.to_string(),
        _ => rest,
    };
    if rest.is_empty() {
        return is_mac.then_some("Apple silicon");
    }
    hardware::apple_chips()
        .iter()
        .find(|chip| {
            chip.brand
                .to_ascii_lowercase()
                .trim_start_matches("apple ")
                .replace(' ', "")
                == rest
        })
        .map(|chip| chip.brand.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stand_before_or_after() {
        for (value, count, name) in [
            ("2x P100", 2, "P100"),
            ("2 x P100", 2, "P100"),
            ("8×H100", 8, "H100"),
            ("4090 x2", 2, "4090"),
            ("7900 XTX", 1, "7900 XTX"),
            ("RX 580", 1, "RX 580"),
            ("0x P100", 1, "0x P100"),
            ("x", 1, "x"),
        ] {
            assert_eq!(counted(value), (count, name), "{value}");
        }
    }

    #[test]
    fn capabilities_are_read_in_each_form() {
        for (text, capability_is) in [
            ("cc8.9", Some("8.9")),
            ("cc 12.0", Some("12.0")),
            ("cc12", Some("12.0")),
            ("8.6", Some("8.6")),
            ("sm_89", Some("8.9")),
            ("sm120", Some("12.0")),
            ("sm_90a", Some("9.0")),
            ("4090", None),
            ("ccx", None),
            ("sm", None),
        ] {
            assert_eq!(capability(text).as_deref(), capability_is, "{text}");
        }
    }

    #[test]
    fn macs_are_known_by_their_chips() {
        for (text, brand) in [
            ("m3 max", Some("Apple M3 Max")),
            ("m3max", Some("Apple M3 Max")),
            ("apple m1", Some("Apple M1")),
            ("macbook pro m4 pro", Some("Apple M4 Pro")),
            ("macbook air m2", Some("Apple M2")),
            ("mac", Some("Apple silicon")),
            ("apple silicon", Some("Apple silicon")),
            ("m40", None),
            ("m9", None),
            ("pro", None),
        ] {
            assert_eq!(apple(text), brand, "{text}");
        }
    }
}
