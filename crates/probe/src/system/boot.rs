//! How the machine was booted, and Secure Boot (UEFI specification, section 3.3: the variable `SecureBoot`).

use crate::look::{exists, is_there, known};
use deskside_machine::{Machine, Reading};
use deskside_types::Known;
use deskside_types::facts::{BootMode, SecureBoot};

const SECURE_BOOT: &str =
    "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";

/// The boot mode. A container or a lightweight virtual machine may show no firmware at all.
pub(crate) fn mode(
    machine: &dyn Machine,
    contained: bool,
    architecture: Option<&str>,
) -> Known<BootMode> {
    exists(machine, "/sys/firmware/efi").and_then(|efi| {
        if efi {
            Known::Value(BootMode::Uefi)
        } else if contained {
            Known::unknown("the firmware can't be seen from inside a container")
        } else if is_there(machine, "/sys/class/dmi/id/bios_vendor")
            && architecture != Some("aarch64")
        {
            Known::Value(BootMode::Bios)
        } else {
            // Started by its host or by a boot loader that is no PC firmware.
            Known::Absent
        }
    })
}

/// Secure Boot; absent where the machine has none.
pub(crate) fn secure_boot(machine: &dyn Machine, boot: &Known<BootMode>) -> Known<SecureBoot> {
    match boot {
        Known::Value(BootMode::Uefi) => {
            known(machine.file(SECURE_BOOT, 64)).and_then(|bytes| parse(&bytes))
        }
        Known::Value(_) | Known::Absent => Known::Absent,
        Known::Unknown { unknown } => Known::unknown(unknown),
    }
}

/// Four bytes of attributes, then the value.
fn parse(bytes: &[u8]) -> Known<SecureBoot> {
    match bytes {
        [_, _, _, _, 1] => Known::Value(SecureBoot::On),
        [_, _, _, _, 0] => Known::Value(SecureBoot::Off),
        _ => Known::unknown(format!(
            "the firmware's SecureBoot variable has {} bytes that are not understood",
            bytes.len()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifth_byte_decides() {
        assert_eq!(parse(&[6, 0, 0, 0, 1]), Known::Value(SecureBoot::On));
        assert_eq!(parse(&[6, 0, 0, 0, 0]), Known::Value(SecureBoot::Off));
        for odd in [
            &[][..],
            &[1],
            &[6, 0, 0, 0],
            &[6, 0, 0, 0, 2],
            &[6, 0, 0, 0, 1, 1],
        ] {
            assert!(parse(odd).reason().is_some());
        }
    }
}
