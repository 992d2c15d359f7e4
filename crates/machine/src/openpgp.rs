//! The fingerprints of OpenPGP public keys, without gpg.
//!
//! Source: RFC 9580: packets (4.2), public key packets (5.5.2), fingerprints (5.5.4), ASCII armour (6). A fingerprint of
//! version 4 is the SHA-1 of 0x99, two bytes of length, and the packet's body; of version 6 the SHA-256 of 0x9B, four
//! bytes of length, and the body.

use sha2::{Digest, Sha256};

/// More packets than any key that signs an archive has.
const MOST_PACKETS: usize = 100_000;

/// Public keys as they are found in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// In binary form, as apt takes them in a `.gpg` file.
    pub binary: Vec<u8>,
    /// The fingerprints of the primary keys, in capital hex.
    pub fingerprints: Vec<String>,
}

/// Reads a file of public keys, binary or armoured. Why not, in words, where it is none.
///
/// # Errors
/// When it is no OpenPGP data, holds a secret key, or holds no public key.
pub fn read(bytes: &[u8]) -> Result<Keys, String> {
    let binary = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) {
        bytes.to_vec()
    } else {
        dearmoured(bytes)?
    };
    let mut fingerprints = Vec::new();
    let mut rest = binary.as_slice();
    for _ in 0..MOST_PACKETS {
        if rest.is_empty() {
            break;
        }
        let (tag, body, behind) = packet(rest).ok_or("its packets are cut off or damaged")?;
        rest = behind;
        match tag {
            6 => fingerprints.push(fingerprint(body)?),
            5 | 7 => return Err("it holds a secret key".into()),
            // Signatures, user ids, attributes, trust, markers, padding, subkeys.
            2 | 10 | 12 | 13 | 14 | 17 | 21 => {}
            other => {
                return Err(format!(
                    "it holds packets of type {other}, which no key has"
                ));
            }
        }
        if fingerprints.is_empty() && tag != 10 {
            return Err("it does not begin with a public key".into());
        }
    }
    if !rest.is_empty() {
        return Err("it has too many packets".into());
    }
    if fingerprints.is_empty() {
        return Err("it holds no key".into());
    }
    Ok(Keys {
        binary,
        fingerprints,
    })
}

/// The first packet: its type, its body, and what lies behind it.
fn packet(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&head, rest) = bytes.split_first()?;
    if head & 0x80 == 0 {
        return None;
    }
    let (tag, length, rest) = if head & 0x40 != 0 {
        let (&first, rest) = rest.split_first()?;
        match first {
            0..192 => (head & 0x3f, usize::from(first), rest),
            192..224 => {
                let (&second, rest) = rest.split_first()?;
                let length = (usize::from(first) - 192) * 256 + usize::from(second) + 192;
                (head & 0x3f, length, rest)
            }
            255 => (head & 0x3f, number(rest.get(..4)?), rest.get(4..)?),
            // Parts of unknown length are for data that is streamed.
            224..255 => return None,
        }
    } else {
        let width = match head & 0x03 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => return None,
        };
        (
            head >> 2 & 0x0f,
            number(rest.get(..width)?),
            rest.get(width..)?,
        )
    };
    Some((tag, rest.get(..length)?, rest.get(length..)?))
}

fn number(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | usize::from(*byte))
}

fn fingerprint(body: &[u8]) -> Result<String, String> {
    match body.first() {
        Some(4) => {
            let length = u16::try_from(body.len()).map_err(|_| "its key is too long")?;
            let mut text = vec![0x99];
            text.extend_from_slice(&length.to_be_bytes());
            text.extend_from_slice(body);
            Ok(hex(&sha1(&text)))
        }
        Some(6) => {
            let length = u32::try_from(body.len()).map_err(|_| "its key is too long")?;
            let mut text = vec![0x9b];
            text.extend_from_slice(&length.to_be_bytes());
            text.extend_from_slice(body);
            Ok(hex(&Sha256::digest(&text)))
        }
        Some(version) => Err(format!(
            "its key is of version {version}, which is not trusted"
        )),
        None => Err("its key is empty".into()),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The bytes of all armoured public key blocks. The checksum is left out, as RFC 9580 advises: the fingerprint decides.
fn dearmoured(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is neither binary nor armoured keys")?;
    let mut binary = Vec::new();
    let mut inside: Option<String> = None;
    let mut of_headers = false;
    for line in text.lines().map(str::trim) {
        match &mut inside {
            None if line == "-----BEGIN PGP PUBLIC KEY BLOCK-----" => {
                inside = Some(String::new());
                of_headers = true;
            }
            // Words around a block mean nothing.
            None => {}
            Some(body) if line == "-----END PGP PUBLIC KEY BLOCK-----" => {
                binary.extend(base64(body).ok_or("its armour is damaged")?);
                inside = None;
            }
            Some(_) if of_headers && line.is_empty() => of_headers = false,
            Some(_) if of_headers && line.contains(": ") => {}
            // The checksum, `=` and four letters.
            Some(_) if line.starts_with('=') => {}
            Some(body) => {
                of_headers = false;
                body.push_str(line);
            }
        }
    }
    if inside.is_some() {
        return Err("its armour has no end".into());
    }
    if binary.is_empty() {
        return Err("it holds no public key".into());
    }
    Ok(binary)
}

/// Base64 with its padding (RFC 4648).
fn base64(text: &str) -> Option<Vec<u8>> {
    let value = |letter: u8| -> Option<u32> {
        Some(u32::from(match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        }))
    };
    let letters = text.trim_end_matches('=').as_bytes();
    if !text.len().is_multiple_of(4) || text.len() - letters.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(letters.len() * 3 / 4);
    for group in letters.chunks(4) {
        let mut bits = 0;
        for letter in group {
            bits = bits << 6 | value(*letter)?;
        }
        bits <<= 6 * (4 - group.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

/// SHA-1 (FIPS 180-4), which fingerprints of version 4 are made with. For nothing else.
fn sha1(message: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [
        0x6745_2301,
        0xefcd_ab89,
        0x98ba_dcfe,
        0x1032_5476,
        0xc3d2_e1f0,
    ];
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend_from_slice(&(message.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks_exact(64) {
        let mut words = [0u32; 80];
        for (word, bytes) in words.iter_mut().zip(block.chunks_exact(4)) {
            *word = bytes
                .iter()
                .fold(0, |word, byte| word << 8 | u32::from(*byte));
        }
        for place in 16..80 {
            words[place] =
                (words[place - 3] ^ words[place - 8] ^ words[place - 14] ^ words[place - 16])
                    .rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (place, word) in words.iter().enumerate() {
            let (mixed, constant) = match place {
                0..20 => (b & c | !b & d, 0x5a82_7999),
                20..40 => (b ^ c ^ d, 0x6ed9_eba1),
                40..60 => (b & c | b & d | c & d, 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6_u32),
            };
            let next = a
                .rotate_left(5)
                .wrapping_add(mixed)
                .wrapping_add(e)
                .wrapping_add(constant)
                .wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (sum, part) in state.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(part);
        }
    }
    let mut digest = [0; 20];
    for (place, word) in digest.chunks_exact_mut(4).zip(state) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAB: &[u8] = include_bytes!("data/lab-rsa.gpg");
    const LAB_ARMOURED: &[u8] = include_bytes!("data/lab-rsa.asc");
    const DEBIAN: &[u8] = include_bytes!("data/debian-12.asc");
    const DEBIAN_RSA: &[u8] = include_bytes!("data/debian-12-automatic.asc");

    #[test]
    fn fingerprints_of_real_keys_are_what_gpg_says() {
        for (file, fingerprint) in [
            (LAB, "75775424AF620C31CC3B39BAC1F2822321CEB9E9"),
            (LAB_ARMOURED, "75775424AF620C31CC3B39BAC1F2822321CEB9E9"),
            (DEBIAN, "4D64FEC119C2029067D6E791F8D2585B8783D481"),
            (DEBIAN_RSA, "B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8"),
        ] {
            assert_eq!(read(file).unwrap().fingerprints, [fingerprint]);
        }
        assert_eq!(read(LAB_ARMOURED).unwrap().binary, LAB);
        let two = [LAB_ARMOURED, DEBIAN].concat();
        assert_eq!(read(&two).unwrap().fingerprints.len(), 2);
    }

    #[test]
    fn what_is_no_key_is_refused_and_nothing_panics() {
        assert!(read(b"").is_err() && read(b"<html>404</html>").is_err());
        // A file may end behind a packet: behind the key, and behind its user id.
        let whole = (1..LAB.len()).filter(|length| read(&LAB[..*length]).is_ok());
        assert_eq!(whole.count(), 2);
        for length in 0..DEBIAN.len() - 40 {
            assert!(read(&DEBIAN[..length]).is_err(), "{length}");
        }
        for place in 0..LAB.len() {
            let mut broken = LAB.to_vec();
            broken[place] ^= 0xff;
            let _ = read(&broken);
        }
        // A secret key's packet, and a packet of data.
        assert!(read(&[0xc5, 1, 4]).unwrap_err().contains("secret"));
        assert!(read(&[0xcb, 1, 4]).is_err() && read(&[0x80 | 6 << 2 | 3, 1]).is_err());
    }

    #[test]
    fn sha1_has_its_published_values() {
        assert_eq!(
            hex(&sha1(b"abc")),
            "A9993E364706816ABA3E25717850C26C9CD0D89D"
        );
        assert_eq!(hex(&sha1(b"")), "DA39A3EE5E6B4B0D3255BFEF95601890AFD80709");
        assert_eq!(
            hex(&sha1(
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
            )),
            "84983E441C3BD26EBAAE4AA1F95129E5E54670F1"
        );
    }
}
