//! What kind of program or library a file is, by its first bytes.
//!
//! Sources: `elf(5)` (offsets of the 32 and 64 bit headers), Apple's `mach-o/loader.h` and `mach-o/fat.h`,
//! `cpu/machine.h` (numbers of processors).

/// A program file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Program {
    /// Linux.
    Elf {
        /// The processor: `x86_64`, `aarch64`; the number where it is another.
        architecture: String,
        /// The loader it names, for programs.
        loader: Option<String>,
        /// Where its section headers end: a file that is shorter is cut off.
        end: u64,
    },
    /// macOS, with its processors: `arm64`, `x86_64`.
    MachO(Vec<String>),
    /// A script, with what it is run by.
    Script(String),
    /// No byte.
    Empty,
    /// Something else.
    Other,
}

/// Reads a file's first bytes.
pub fn parse(bytes: &[u8]) -> Program {
    if bytes.is_empty() {
        return Program::Empty;
    }
    if let Some(rest) = bytes.strip_prefix(b"#!") {
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        return Program::Script(String::from_utf8_lossy(line).trim().to_string());
    }
    elf(bytes)
        .or_else(|| macho(bytes))
        .unwrap_or(Program::Other)
}

/// A little reader that never reads behind the end.
struct Bytes<'a> {
    bytes: &'a [u8],
    big: bool,
}

impl Bytes<'_> {
    fn number(&self, at: usize, width: usize) -> Option<u64> {
        let part = self.bytes.get(at..at.checked_add(width)?)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(if self.big {
            part.iter().fold(0, add)
        } else {
            part.iter().rev().fold(0, add)
        })
    }
}

fn elf(bytes: &[u8]) -> Option<Program> {
    if !bytes.starts_with(b"\x7fELF") {
        return None;
    }
    let wide = *bytes.get(4)? == 2;
    let reader = Bytes {
        bytes,
        big: *bytes.get(5)? == 2,
    };
    let machine = reader.number(18, 2)?;
    let architecture = match machine {
        3 => "i386".into(),
        21 => "ppc64le".into(),
        22 => "s390x".into(),
        40 => "arm".into(),
        62 => "x86_64".into(),
        183 => "aarch64".into(),
        243 => "riscv64".into(),
        other => format!("processor {other}"),
    };
    let (programs, sections, word, sizes) = if wide {
        (32, 40, 8, 54)
    } else {
        (28, 32, 4, 42)
    };
    let begin = reader.number(programs, word)?;
    let size = reader.number(sizes, 2)?;
    let count = reader.number(sizes + 2, 2)?;
    let end = reader.number(sections, word)?.saturating_add(
        reader
            .number(sizes + 4, 2)?
            .saturating_mul(reader.number(sizes + 6, 2)?),
    );
    let loader = (0..count.min(64)).find_map(|index| {
        let at = usize::try_from(begin.checked_add(index.checked_mul(size)?)?).ok()?;
        if reader.number(at, 4)? != 3 {
            return None;
        }
        let (offset, length) = if wide {
            (at + 8, at + 32)
        } else {
            (at + 4, at + 16)
        };
        let offset = usize::try_from(reader.number(offset, word)?).ok()?;
        let length = usize::try_from(reader.number(length, word)?).ok()?;
        let text = bytes.get(offset..offset.checked_add(length)?)?;
        let text = text.split(|byte| *byte == 0).next()?;
        String::from_utf8(text.to_vec()).ok()
    });
    Some(Program::Elf {
        architecture,
        loader,
        end,
    })
}

fn macho(bytes: &[u8]) -> Option<Program> {
    let processor = |number: u64| match number {
        0x0100_0007 => "x86_64".to_string(),
        0x0100_000c => "arm64".to_string(),
        7 => "i386".to_string(),
        other => format!("processor {other}"),
    };
    let reader = |big| Bytes { bytes, big };
    match bytes.get(..4)? {
        [0xcf | 0xce, 0xfa, 0xed, 0xfe] => {
            Some(Program::MachO(vec![processor(reader(false).number(4, 4)?)]))
        }
        [0xca, 0xfe, 0xba, kind @ (0xbe | 0xbf)] => {
            let reader = reader(true);
            let count = reader.number(4, 4)?;
            let width = if *kind == 0xbe { 20 } else { 32 };
            // Java's class files begin with the same four bytes; their next number is a version above 40.
            if count == 0 || count > 20 {
                return None;
            }
            (0..count)
                .map(|index| {
                    let at = 8 + usize::try_from(index).ok()? * width;
                    reader.number(at, 4).map(processor)
                })
                .collect::<Option<Vec<_>>>()
                .map(Program::MachO)
        }
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A 64-bit ELF header with a loader.
    pub(crate) fn elf64(machine: u16, loader: &str) -> Vec<u8> {
        let mut bytes = vec![0_u8; 64 + 56];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&1_u16.to_le_bytes());
        bytes[64..68].copy_from_slice(&3_u32.to_le_bytes());
        bytes[72..80].copy_from_slice(&120_u64.to_le_bytes());
        bytes[96..104].copy_from_slice(&(loader.len() as u64 + 1).to_le_bytes());
        bytes.extend(loader.as_bytes());
        bytes.push(0);
        bytes
    }

    /// A Mach-O file of one processor, or a universal one.
    pub(crate) fn macho_of(processors: &[u32]) -> Vec<u8> {
        if let [one] = processors {
            let mut bytes = vec![0xcf, 0xfa, 0xed, 0xfe];
            bytes.extend(one.to_le_bytes());
            return bytes;
        }
        let mut bytes = vec![0xca, 0xfe, 0xba, 0xbe];
        bytes.extend((processors.len() as u32).to_be_bytes());
        for one in processors {
            bytes.extend(one.to_be_bytes());
            bytes.extend([0; 16]);
        }
        bytes
    }

    #[test]
    fn files_are_known_by_their_first_bytes() {
        let elf = parse(&elf64(183, "/lib/ld-linux-aarch64.so.1"));
        assert_eq!(
            elf,
            Program::Elf {
                architecture: "aarch64".into(),
                loader: Some("/lib/ld-linux-aarch64.so.1".into()),
                end: 0
            }
        );
        for (bytes, expected) in [
            (
                macho_of(&[0x0100_0007]),
                Program::MachO(vec!["x86_64".into()]),
            ),
            (
                macho_of(&[0x0100_0007, 0x0100_000c]),
                Program::MachO(vec!["x86_64".into(), "arm64".into()]),
            ),
            (
                b"#!/usr/bin/env bash\nexec x".to_vec(),
                Program::Script("/usr/bin/env bash".into()),
            ),
            (vec![], Program::Empty),
            (b"\xca\xfe\xba\xbe\0\0\0\x41".to_vec(), Program::Other),
            (b"hello".to_vec(), Program::Other),
        ] {
            assert_eq!(parse(&bytes), expected);
        }
        // Cut anywhere, nothing panics.
        for whole in [
            elf64(62, "/lib64/ld-linux-x86-64.so.2"),
            macho_of(&[7, 0x0100_000c]),
        ] {
            for length in 0..whole.len() {
                parse(&whole[..length]);
            }
            let wild: Vec<u8> = whole[..6].iter().copied().chain([0xff; 200]).collect();
            parse(&wild);
        }
    }
}
