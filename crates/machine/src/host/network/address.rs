//! Addresses: their parts, and the credentials in them, which travel in a header and are never shown.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// What an address leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A server.
    Web {
        /// Encrypted.
        secure: bool,
        /// The address without credentials and fragment.
        url: String,
        /// The value of the `Authorization` header, from the credentials.
        authorization: Option<String>,
    },
    /// A file of this machine.
    File(PathBuf),
}

impl Address {
    /// Takes an address apart (RFC 3986; `file` after RFC 8089).
    ///
    /// # Errors
    /// In words, without credentials.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or("an address begins with https://, http:// or file://")?;
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        match scheme.to_ascii_lowercase().as_str() {
            "file" => {
                if !authority.is_empty() && authority != "localhost" {
                    return Err(
                        "a file:// address names a file of this machine: file:///path".into(),
                    );
                }
                let path = percent_decoded(path.split('?').next().unwrap_or_default());
                if !path.starts_with(b"/") {
                    return Err("a file:// address names an absolute path: file:///path".into());
                }
                Ok(Self::File(OsString::from_vec(path).into()))
            }
            web @ ("http" | "https") => {
                let (credentials, host) = match authority.rsplit_once('@') {
                    Some((credentials, host)) => (Some(credentials), host),
                    None => (None, authority),
                };
                if host.is_empty() || host.starts_with(':') {
                    return Err("the address names no host".into());
                }
                let path = if path.starts_with('/') {
                    path.to_string()
                } else {
                    format!("/{path}")
                };
                Ok(Self::Web {
                    secure: web == "https",
                    url: format!("{web}://{host}{path}"),
                    authorization: credentials.map(basic),
                })
            }
            _ => Err("an address begins with https://, http:// or file://".into()),
        }
    }
}

/// The `Basic` scheme (RFC 7617): base64 of `user:password`, both percent-decoded.
fn basic(credentials: &str) -> String {
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let mut plain = percent_decoded(user);
    plain.push(b':');
    plain.extend(percent_decoded(password));
    format!("Basic {}", base64(&plain))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        if *byte == b'%'
            && let (Some(high), Some(low)) =
                (digit(bytes.get(place + 1)), digit(bytes.get(place + 2)))
        {
            decoded.push((high * 16 + low) as u8);
            place += 3;
        } else {
            decoded.push(*byte);
            place += 1;
        }
    }
    decoded
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, place| {
            bits << 8 | u32::from(group.get(place).copied().unwrap_or(0))
        });
        for place in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let web = |secure, url: &str, authorization: Option<&str>| {
            Ok(Address::Web {
                secure,
                url: url.into(),
                authorization: authorization.map(Into::into),
            })
        };
        for (text, parts) in [
            (
                "https://a.example/x?y=1#sha256=00",
                web(true, "https://a.example/x?y=1", None),
            ),
            ("HTTP://a.example", web(false, "http://a.example/", None)),
            (
                "http://a.example?q",
                web(false, "http://a.example/?q", None),
            ),
            (
                "https://me:p%40ss@a.example:8080/@x",
                web(
                    true,
                    "https://a.example:8080/@x",
                    Some("Basic bWU6cEBzcw=="),
                ),
            ),
            (
                "https://token@a.example/",
                web(true, "https://a.example/", Some("Basic dG9rZW46")),
            ),
            (
                "https://u:p@ss@[::1]:1/",
                web(true, "https://[::1]:1/", Some("Basic dTpwQHNz")),
            ),
            (
                "file:///a%20b/%ff%zz",
                Ok(Address::File(
                    OsString::from_vec(b"/a b/\xff%zz".to_vec()).into(),
                )),
            ),
            ("file://localhost/a", Ok(Address::File("/a".into()))),
        ] {
            assert_eq!(Address::parse(text), parts, "{text}");
        }
        for broken in [
            "",
            "a.example",
            "/etc/passwd",
            "ftp://a/",
            "https://",
            "https://u:p@/x",
            "file://host/a",
            "file://a",
        ] {
            assert!(Address::parse(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn base64_is_that_of_the_standard() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), text);
        }
    }
}
