//! The header of a safetensors file: 8 bytes of length, then JSON that names every tensor.
//!
//! Source: the format's own page (huggingface/safetensors README). A header is at most 100 MB there; here at most
//! [`LONGEST`]. Nothing but the header is ever read.

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// The longest header that is read, in bytes.
pub const LONGEST: u64 = 32 * 1024 * 1024;

/// One tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Its type as written: `BF16`, `Q4_K`, …
    pub kind: String,
    /// Its shape, as the file has it.
    pub shape: Vec<u64>,
    /// Its bytes.
    pub bytes: u64,
}

/// The header's length, from a file's first 8 bytes.
///
/// # Errors
/// When the length can't be: longer than [`LONGEST`] or than the file.
pub fn length(start: &[u8], file: u64) -> Result<u64, String> {
    let eight: [u8; 8] = start
        .get(..8)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or("it is shorter than the 8 bytes that say how long its header is")?;
    let length = u64::from_le_bytes(eight);
    if length > LONGEST {
        return Err(format!(
            "its header claims {length} bytes; more than {LONGEST} are never read"
        ));
    }
    if length.saturating_add(8) > file {
        return Err(format!(
            "its header claims {length} bytes, the file has {file}"
        ));
    }
    Ok(length)
}

/// The most dimensions of a tensor.
const DIMENSIONS: usize = 16;

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    #[serde(deserialize_with = "few")]
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// A list that is refused as soon as it is longer than any shape: a header of numbers alone takes no memory.
fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    struct Few;
    impl<'de> Visitor<'de> for Few {
        type Value = Vec<u64>;
        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(formatter, "at most {DIMENSIONS} sizes")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<u64>, A::Error> {
            let mut sizes = Vec::new();
            while let Some(size) = list.next_element()? {
                if sizes.len() == DIMENSIONS {
                    return Err(A::Error::invalid_length(DIMENSIONS + 1, &self));
                }
                sizes.push(size);
            }
            Ok(sizes)
        }
    }
    deserializer.deserialize_seq(Few)
}

/// The entries of a header, its free text left out without being kept.
struct Entries(BTreeMap<String, Entry>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl<'de> Visitor<'de> for Whole {
            type Value = Entries;
            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object of tensors")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                    } else if entries.insert(name, map.next_value()?).is_some() {
                        return Err(A::Error::custom("a tensor stands twice in it"));
                    }
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Whole)
    }
}

/// The tensors of a header. `data` is what the file has behind the header, in bytes.
///
/// # Errors
/// When it is no JSON of that form, or a tensor's place, shape and type contradict each other or the file.
pub fn tensors(header: &[u8], data: u64) -> Result<Vec<Tensor>, String> {
    let Entries(entries) = serde_json::from_slice(header)
        .map_err(|error| format!("its header is not one of tensors: {error}"))?;
    let mut tensors = Vec::with_capacity(entries.len());
    let mut total: u64 = 0;
    for (name, entry) in entries {
        let (begin, end) = entry.data_offsets;
        let bytes = end
            .checked_sub(begin)
            .filter(|_| end <= data)
            .ok_or_else(|| format!("tensor {name:?} lies at {begin} to {end}, outside the file"))?;
        let bits = bits(&entry.dtype)
            .ok_or_else(|| format!("tensor {name:?} has the unknown type {:?}", entry.dtype))?;
        let values = entry
            .shape
            .iter()
            .try_fold(1_u64, |product, size| product.checked_mul(*size));
        let expected = values
            .and_then(|values| values.checked_mul(bits))
            .map(|bits| bits.div_ceil(8));
        if expected != Some(bytes) {
            return Err(format!(
                "tensor {name:?}: shape and type don't make its {bytes} bytes"
            ));
        }
        total = total
            .checked_add(bytes)
            .filter(|total| *total <= data)
            .ok_or("its tensors claim more than the file holds")?;
        tensors.push(Tensor {
            name,
            kind: entry.dtype,
            shape: entry.shape,
            bytes,
        });
    }
    Ok(tensors)
}

/// Bits a value, by the type's name.
fn bits(kind: &str) -> Option<u64> {
    Some(match kind {
        "F64" | "I64" | "U64" | "C64" => 64,
        "F32" | "I32" | "U32" => 32,
        "F16" | "BF16" | "I16" | "U16" => 16,
        "I8" | "U8" | "BOOL" | "F8_E4M3" | "F8_E5M2" | "F8_E8M0" | "F8_E4M3FNUZ"
        | "F8_E5M2FNUZ" => 8,
        "F6_E2M3" | "F6_E3M2" => 6,
        "F4" => 4,
        _ => return None,
    })
}

/// What an index of shards says: all bytes, and the files.
///
/// # Errors
/// When it is no JSON of that form.
pub fn index(text: &[u8]) -> Result<(Option<u64>, Vec<String>), String> {
    #[derive(Deserialize)]
    struct Index {
        #[serde(default)]
        metadata: Metadata,
        weight_map: BTreeMap<String, String>,
    }
    #[derive(Deserialize, Default)]
    struct Metadata {
        total_size: Option<f64>,
    }
    let index: Index = serde_json::from_slice(text)
        .map_err(|error| format!("the index can't be read: {error}"))?;
    let mut files: Vec<String> = index.weight_map.into_values().collect();
    files.sort();
    files.dedup();
    let inside = |file: &String| !file.contains(['/', '\\']) && !file.starts_with('.');
    if let Some(file) = files.iter().find(|file| !inside(file)) {
        return Err(format!(
            "the index names {file:?}, which is no file beside it"
        ));
    }
    let size = index
        .metadata
        .total_size
        .filter(|size| size.is_finite() && *size >= 0.0)
        .map(|size| size as u64);
    Ok((size, files))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOOD: &str = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[],"data_offsets":[12,16]}}"#;

    #[test]
    fn bytes_are_counted_exactly() {
        let tensors = tensors(GOOD.as_bytes(), 16).unwrap();
        assert_eq!(tensors.iter().map(|tensor| tensor.bytes).sum::<u64>(), 16);
        assert_eq!(tensors[0].shape, vec![2, 3]);
    }

    #[test]
    fn hostile_headers_are_refused() {
        assert!(
            length(&u64::MAX.to_le_bytes(), 100)
                .unwrap_err()
                .contains("never read")
        );
        assert!(
            length(&1000_u64.to_le_bytes(), 100)
                .unwrap_err()
                .contains("the file has")
        );
        assert!(length(&[1, 2], 2).is_err());
        let deep = "[".repeat(100_000);
        let long = format!(
            r#"{{"a":{{"dtype":"F32","shape":[{}1],"data_offsets":[0,4]}}}}"#,
            "1,".repeat(20)
        );
        let twice = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        for text in [
            "",
            "[]",
            deep.as_str(),
            long.as_str(),
            twice,
            r#"{"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,11]}}"#,
            r#"{"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[8,20]}}"#,
            r#"{"a":{"dtype":"BF16","shape":[18446744073709551615,9],"data_offsets":[0,12]}}"#,
            r#"{"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[12,0]}}"#,
            r#"{"a":{"dtype":"Q9","shape":[2,3],"data_offsets":[0,12]}}"#,
            r#"{"a":{"dtype":"BF16","shape":[-1],"data_offsets":[0,12]}}"#,
            r#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#,
        ] {
            assert!(tensors(text.as_bytes(), 16).is_err(), "{:.60}", text);
        }
        assert!(index(br#"{"weight_map":{"a":"../../etc/passwd"}}"#).is_err());
        assert_eq!(
            index(br#"{"metadata":{"total_size":7},"weight_map":{"a":"x"}}"#).unwrap(),
            (Some(7), vec!["x".into()])
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), data in any::<u64>()) {
            let _ = length(&bytes, data);
            let _ = tensors(&bytes, data);
            let _ = index(&bytes);
        }

        #[test]
        fn no_json_makes_it_panic(dtype in "[A-Z0-9_]{0,6}", shape in proptest::collection::vec(any::<u64>(), 0..5), begin in any::<u64>(), end in any::<u64>(), data in any::<u64>()) {
            let text = serde_json::json!({"t": {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}}).to_string();
            if let Ok(tensors) = tensors(text.as_bytes(), data) {
                prop_assert!(tensors.iter().map(|tensor| tensor.bytes).sum::<u64>() <= data);
            }
        }
    }
}
