//! Kernel modules that `modinfo` and `depmod` read: an ELF object with the section `.modinfo` and nothing to run.

/// Who signed a module, as `modinfo -F signer` says it.
pub const CANONICAL: &str = "Canonical Ltd. Kernel Module Signing";

/// A module file. `fields` are `name=value` pairs of `.modinfo`; `signer` appends a signature block whose form is that of the kernel's
/// `scripts/sign-file` before PKCS#7 (identifier type X.509), which kmod still reads; the signature itself is made up.
pub fn module(fields: &[(&str, &str)], signer: Option<&str>) -> Vec<u8> {
    let mut info = Vec::new();
    for (name, value) in fields {
        info.extend_from_slice(format!("{name}={value}\0").as_bytes());
    }
    let names = b"\0.modinfo\0.shstrtab\0";
    let info_at = 64_u64;
    let names_at = info_at + info.len() as u64;
    let sections_at = (names_at + names.len() as u64).next_multiple_of(8);
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for half in [1_u16, 62] {
        file.extend_from_slice(&half.to_le_bytes());
    }
    file.extend_from_slice(&1_u32.to_le_bytes());
    for word in [0, 0, sections_at] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    file.extend_from_slice(&0_u32.to_le_bytes());
    // Sizes: this header, program headers (none), section headers (three; the last holds the names).
    for half in [64_u16, 0, 0, 64, 3, 2] {
        file.extend_from_slice(&half.to_le_bytes());
    }
    file.extend_from_slice(&info);
    file.extend_from_slice(names);
    file.resize(sections_at as usize, 0);
    let mut section = |name: u32, kind: u32, flags: u64, offset: u64, size: u64| {
        for word in [name, kind] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        for word in [flags, 0, offset, size] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(&[0; 8]);
        for word in [1_u64, 0] {
            file.extend_from_slice(&word.to_le_bytes());
        }
    };
    section(0, 0, 0, 0, 0);
    section(1, 1, 2, info_at, info.len() as u64);
    section(10, 3, 0, names_at, names.len() as u64);
    if let Some(signer) = signer {
        let (key, signature) = ([0x5a_u8; 4], [0xa5_u8; 16]);
        file.extend_from_slice(signer.as_bytes());
        file.extend_from_slice(&key);
        file.extend_from_slice(&signature);
        // struct module_signature: algorithm RSA, hash SHA-512, identifier X.509, lengths.
        file.extend_from_slice(&[1, 6, 1, signer.len() as u8, key.len() as u8, 0, 0, 0]);
        file.extend_from_slice(&(signature.len() as u32).to_be_bytes());
        file.extend_from_slice(b"~Module signature appended~\n");
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modinfo_reads_what_was_written() {
        let modinfo = ["/usr/sbin/modinfo", "/sbin/modinfo"]
            .into_iter()
            .find(|path| std::path::Path::new(path).exists());
        let Some(modinfo) = modinfo else {
            eprintln!("skipped: no modinfo here");
            return;
        };
        let path = std::env::temp_dir().join(format!("lab-elf-{}.ko", std::process::id()));
        std::fs::write(
            &path,
            module(
                &[("version", "580.178.04"), ("license", "Dual MIT/GPL")],
                Some(CANONICAL),
            ),
        )
        .unwrap();
        for (field, wanted) in [
            ("version", "580.178.04"),
            ("license", "Dual MIT/GPL"),
            ("signer", CANONICAL),
        ] {
            let output = std::process::Command::new(modinfo)
                .args(["-F", field])
                .arg(&path)
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), wanted);
        }
        std::fs::remove_file(&path).unwrap();
    }
}
