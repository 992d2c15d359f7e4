//! The header of a GGUF file: keys and the tensor table, never the data.
//!
//! Source: ggml-org/ggml docs/gguf.md; constants from gguf 0.19.0.

use super::safetensors::Tensor;
use deskside_knowledge::models::ggml_types;
use std::collections::BTreeMap;

/// The longest header that is read, in bytes.
pub const LONGEST: u64 = 64 * 1024 * 1024;

/// Why a header could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It goes on behind the bytes that were given: read more.
    More,
    /// It is no such header.
    Bad(String),
}

/// What the header says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Header {
    /// Numbers by key; of arrays of numbers the largest.
    pub numbers: BTreeMap<String, f64>,
    /// Texts by key.
    pub texts: BTreeMap<String, String>,
    /// Lengths of arrays by key.
    pub lengths: BTreeMap<String, u64>,
    /// The tensors.
    pub tensors: Vec<Tensor>,
}

struct Bytes<'a> {
    all: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    fn take(&mut self, count: u64) -> Result<&'a [u8], Trouble> {
        let count = usize::try_from(count).map_err(|_| Trouble::More)?;
        let end = self.at.checked_add(count).ok_or(Trouble::More)?;
        let taken = self.all.get(self.at..end).ok_or(Trouble::More)?;
        self.at = end;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, Trouble> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(4)?);
        Ok(u32::from_le_bytes(bytes))
    }

    fn u64(&mut self) -> Result<u64, Trouble> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8)?);
        Ok(u64::from_le_bytes(bytes))
    }

    fn text(&mut self) -> Result<String, Trouble> {
        let length = self.u64()?;
        if length > LONGEST {
            return Err(Trouble::Bad(format!("a text claims {length} bytes")));
        }
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    /// A number of a scalar type; none for a text.
    fn number(&mut self, kind: u32) -> Result<f64, Trouble> {
        let size = scalar_size(kind)
            .ok_or_else(|| Trouble::Bad(format!("the value type {kind} is not known")))?;
        let mut eight = [0; 8];
        let taken = self.take(size)?;
        eight[..taken.len()].copy_from_slice(taken);
        let unsigned = u64::from_le_bytes(eight);
        Ok(match kind {
            1 => f64::from(eight[0] as i8),
            3 => f64::from(i16::from_le_bytes([eight[0], eight[1]])),
            5 => f64::from(i32::from_le_bytes([eight[0], eight[1], eight[2], eight[3]])),
            6 => f64::from(f32::from_le_bytes([eight[0], eight[1], eight[2], eight[3]])),
            11 => unsigned as i64 as f64,
            12 => f64::from_bits(unsigned),
            _ => unsigned as f64,
        })
    }
}

fn scalar_size(kind: u32) -> Option<u64> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}

/// Reads a header from a file's beginning; `file` is the whole file's length.
///
/// # Errors
/// [`Trouble::More`] when the bytes end before the header does, [`Trouble::Bad`] when it can't be one.
pub fn header(bytes: &[u8], file: u64) -> Result<Header, Trouble> {
    let bad = |text: String| Trouble::Bad(text);
    let mut bytes = Bytes { all: bytes, at: 0 };
    if bytes.take(4)? != b"GGUF" {
        return Err(bad("it does not begin with GGUF".into()));
    }
    let version = bytes.u32()?;
    if !(2..=3).contains(&version) {
        return Err(bad(format!(
            "GGUF version {version} is not known (2 and 3 are)"
        )));
    }
    let (tensors, keys) = (bytes.u64()?, bytes.u64()?);
    // Each key takes at least 13 bytes and each tensor 24: more than the file can hold are refused at once.
    if keys > file.min(LONGEST) / 13 || tensors > file.min(LONGEST) / 24 {
        return Err(bad(format!(
            "it claims {keys} keys and {tensors} tensors in {file} bytes"
        )));
    }
    let mut header = Header::default();
    for _ in 0..keys {
        let key = bytes.text()?;
        let kind = bytes.u32()?;
        match kind {
            8 => {
                let text = bytes.text()?;
                header.texts.insert(key, text.chars().take(1000).collect());
            }
            9 => array(&mut bytes, key, &mut header)?,
            kind => {
                let number = bytes.number(kind)?;
                header.numbers.insert(key, number);
            }
        }
    }
    let types: BTreeMap<u32, _> = ggml_types().map(|kind| (kind.number, kind)).collect();
    let mut total: u64 = 0;
    for _ in 0..tensors {
        let name = bytes.text()?;
        let dimensions = bytes.u32()?;
        if dimensions > 8 {
            return Err(bad(format!(
                "tensor {name:?} claims {dimensions} dimensions"
            )));
        }
        let shape = (0..dimensions)
            .map(|_| bytes.u64())
            .collect::<Result<Vec<u64>, _>>()?;
        let kind = bytes.u32()?;
        bytes.u64()?;
        let kind = types.get(&kind).ok_or_else(|| {
            bad(format!(
                "tensor {name:?} has the type {kind}, which is not known"
            ))
        })?;
        let values = shape
            .iter()
            .try_fold(1_u64, |product, size| product.checked_mul(*size))
            .filter(|values| values.is_multiple_of(kind.block_values))
            .ok_or_else(|| bad(format!("tensor {name:?} has an impossible shape")))?;
        let size = (values / kind.block_values)
            .checked_mul(kind.block_bytes)
            .ok_or_else(|| bad(format!("tensor {name:?} is too large to be")))?;
        total = total
            .checked_add(size)
            .filter(|total| *total <= file)
            .ok_or_else(|| bad("its tensors claim more than the file holds".into()))?;
        header.tensors.push(Tensor {
            name,
            kind: kind.name.into(),
            shape,
            bytes: size,
        });
    }
    Ok(header)
}

fn array(bytes: &mut Bytes<'_>, key: String, header: &mut Header) -> Result<(), Trouble> {
    let kind = bytes.u32()?;
    let count = bytes.u64()?;
    if count > LONGEST {
        return Err(Trouble::Bad(format!("{key:?} claims {count} values")));
    }
    match kind {
        8 => {
            for _ in 0..count {
                let length = bytes.u64()?;
                bytes.take(length)?;
            }
        }
        9 => return Err(Trouble::Bad(format!("{key:?} has arrays in arrays"))),
        kind => {
            let size = scalar_size(kind)
                .ok_or_else(|| Trouble::Bad(format!("the value type {kind} is not known")))?;
            if count <= 4096 {
                let mut most = 0.0_f64;
                for _ in 0..count {
                    most = most.max(bytes.number(kind)?);
                }
                header.numbers.insert(key.clone(), most);
            } else {
                bytes.take(size.saturating_mul(count))?;
            }
        }
    }
    header.lengths.insert(key, count);
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A header as a file has it, with the tensors given.
    pub(crate) fn written(keys: &[(&str, u32)], tensors: &[(&str, &[u64], u32)]) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3_u32.to_le_bytes());
        bytes.extend((tensors.len() as u64).to_le_bytes());
        bytes.extend((keys.len() as u64 + 2).to_le_bytes());
        let text = |bytes: &mut Vec<u8>, text: &str| {
            bytes.extend((text.len() as u64).to_le_bytes());
            bytes.extend(text.as_bytes());
        };
        text(&mut bytes, "general.architecture");
        bytes.extend(8_u32.to_le_bytes());
        text(&mut bytes, "llama");
        text(&mut bytes, "tokenizer.ggml.tokens");
        bytes.extend(9_u32.to_le_bytes());
        bytes.extend(8_u32.to_le_bytes());
        bytes.extend(3_u64.to_le_bytes());
        for token in ["a", "b", "c"] {
            text(&mut bytes, token);
        }
        for (key, value) in keys {
            text(&mut bytes, key);
            bytes.extend(4_u32.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        for (name, shape, kind) in tensors {
            text(&mut bytes, name);
            bytes.extend((shape.len() as u32).to_le_bytes());
            for size in *shape {
                bytes.extend(size.to_le_bytes());
            }
            bytes.extend(kind.to_le_bytes());
            bytes.extend(0_u64.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn tensors_of_every_type_are_counted() {
        for kind in ggml_types() {
            let values = kind.block_values * 3;
            let bytes = written(
                &[("llama.block_count", 7)],
                &[("t", &[values, 2], kind.number)],
            );
            let header = header(&bytes, 1 << 40).unwrap();
            assert_eq!(header.tensors[0].bytes, kind.block_bytes * 6, "{kind:?}");
            assert_eq!(header.numbers["llama.block_count"], 7.0);
            assert_eq!(header.lengths["tokenizer.ggml.tokens"], 3);
        }
    }

    #[test]
    fn hostile_headers_are_refused_and_short_ones_ask_for_more() {
        let good = written(&[("llama.block_count", 7)], &[("t", &[256], 12)]);
        for end in 0..good.len() {
            assert_eq!(header(&good[..end], 1 << 40), Err(Trouble::More), "{end}");
        }
        let bad = |bytes: &[u8]| matches!(header(bytes, 1 << 30), Err(Trouble::Bad(_)));
        let mut claims = good.clone();
        claims[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(bad(&claims));
        let mut version = good.clone();
        version[4] = 9;
        assert!(bad(&version) && bad(b"GGML1234"));
        assert!(bad(&written(&[], &[("t", &[u64::MAX, u64::MAX], 0)])));
        assert!(bad(&written(&[], &[("t", &[255], 12)])));
        assert!(bad(&written(&[], &[("t", &[256], 999)])));
        assert!(bad(&written(&[], &[("t", &[1 << 40], 0)])));
        assert!(bad(&written(&[], &[("t", &[1; 9], 0)])));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), file in any::<u64>(), magic in any::<bool>()) {
            if magic && bytes.len() > 8 {
                bytes[..8].copy_from_slice(b"GGUF\x03\0\0\0");
            }
            let _ = header(&bytes, file);
        }

        #[test]
        fn a_flipped_byte_never_makes_it_panic(place in 0_usize..200, value in any::<u8>()) {
            let mut bytes = written(&[("llama.block_count", 7)], &[("t", &[256, 4], 12), ("u", &[32], 8)]);
            let place = place % bytes.len();
            bytes[place] = value;
            if let Ok(header) = header(&bytes, 1 << 20) {
                prop_assert!(header.tensors.iter().map(|tensor| tensor.bytes).sum::<u64>() <= 1 << 20);
            }
        }
    }
}
