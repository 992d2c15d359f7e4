//! MAC, IPv4 and IPv6 addresses. Versions with four parts are the trap: `12.4.5.8` is cuBLAS.

use super::scan::{before, is_word, replace as replace_found, run};
use std::net::{Ipv4Addr, Ipv6Addr};

/// From the range kept for documentation (RFC 5737).
const IPV4: &str = "192.0.2.1";
/// From the range kept for documentation (RFC 3849).
const IPV6: &str = "2001:db8::1";

/// Replaces addresses. `certain` says that a dotted quad can be nothing else here.
pub(super) fn replace(text: &str, certain: bool) -> String {
    let mut text = text.to_string();
    if text.contains(':') || text.contains('-') {
        text = hardware(&text);
    }
    if text.contains(':') {
        text = six(&text);
    }
    if text.contains('.') {
        text = four(&text, certain);
    }
    text
}

/// Six or more pairs of hex digits: Ethernet has six, InfiniBand twenty.
fn hardware(text: &str) -> String {
    let bytes = text.as_bytes();
    replace_found(text, |at| {
        let pair = |at: usize| {
            bytes.len() >= at + 2
                && bytes[at].is_ascii_hexdigit()
                && bytes[at + 1].is_ascii_hexdigit()
        };
        if !pair(at)
            || before(bytes, at).is_some_and(|byte| is_word(byte) || byte == b':' || byte == b'-')
        {
            return None;
        }
        let separator = *bytes
            .get(at + 2)
            .filter(|byte| matches!(byte, b':' | b'-'))?;
        let mut end = at + 2;
        let mut pairs = 1;
        while bytes.get(end) == Some(&separator) && pair(end + 1) {
            end += 3;
            pairs += 1;
        }
        let ends = !bytes
            .get(end)
            .copied()
            .is_some_and(|byte| is_word(byte) || byte == separator);
        let is_broadcast = text[at..end]
            .bytes()
            .all(|byte| byte == b'f' || byte == b'F' || byte == separator);
        let zeros = || vec!["00"; pairs].join(if separator == b':' { ":" } else { "-" });
        (pairs >= 6 && ends && !is_broadcast).then(|| (end, zeros()))
    })
}

fn six(text: &str) -> String {
    let bytes = text.as_bytes();
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
    replace_found(text, |at| {
        // Global addresses begin with 2 or 3, local ones with f (RFC 4291); `::1` is everybody's.
        let begins = matches!(bytes[at], b'2' | b'3' | b'f' | b'F');
        if !begins
            || before(bytes, at)
                .is_some_and(|byte| is_word(byte) || matches!(byte, b':' | b'.' | b'-'))
        {
            return None;
        }
        let first = run(bytes, at, |byte| byte.is_ascii_hexdigit());
        if !(3..=4).contains(&(first - at)) || bytes.get(first) != Some(&b':') {
            return None;
        }
        let mut end = run(bytes, at, is_part);
        if bytes[end - 1] == b':' && bytes[end - 2] != b':' {
            end -= 1;
        }
        if bytes.get(end).copied().is_some_and(is_word) {
            return None;
        }
        let address: Ipv6Addr = text[at..end].parse().ok()?;
        let documented = address.segments()[..2] == [0x2001, 0x0db8];
        (!documented).then(|| (end, IPV6.to_string()))
    })
}

fn four(text: &str, certain: bool) -> String {
    let bytes = text.as_bytes();
    replace_found(text, |at| {
        if !bytes[at].is_ascii_digit()
            || before(bytes, at)
                .is_some_and(|byte| is_word(byte) || matches!(byte, b'.' | b'-' | b'+' | b'~'))
        {
            return None;
        }
        let end = run(bytes, at, |byte| byte.is_ascii_digit() || byte == b'.');
        let end = if bytes[end - 1] == b'.' { end - 1 } else { end };
        // `5.15.167.4-microsoft` and `12.4.5.8+cu124` are versions.
        if bytes
            .get(end)
            .copied()
            .is_some_and(|byte| is_word(byte) || matches!(byte, b'-' | b'+' | b'~'))
        {
            return None;
        }
        let address: Ipv4Addr = text[at..end].parse().ok()?;
        let parts = address.octets();
        let everybodys = parts[0] == 127
            || address.is_unspecified()
            || parts[0] == 255
            || parts[..3] == [192, 0, 2];
        let is_address = certain || is_address(text, at, end, parts);
        (!everybodys && is_address).then(|| (end, IPV4.to_string()))
    })
}

/// Whether a dotted quad is an address by what stands around it. In doubt small first parts are
/// versions, because no four-part version in this field begins above 19, and large ones addresses.
fn is_address(text: &str, at: usize, end: usize, parts: [u8; 4]) -> bool {
    let line = text[..at].rfind('\n').map_or(0, |place| place + 1);
    let front = text[line..at].to_ascii_lowercase();
    let tail = &text.as_bytes()[end..];
    let private = matches!(parts, [192, 168, ..] | [169, 254, ..] | [172, 16..=31, ..]);
    if private || front.ends_with("://") || front.ends_with('@') {
        return true;
    }
    if ["==", ">=", "<=", "~=", "!="]
        .iter()
        .any(|sign| front.trim_end().ends_with(sign))
    {
        return false;
    }
    let words: Vec<&str> = front
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    if words
        .iter()
        .rev()
        .take(2)
        .any(|word| word.starts_with("version") || matches!(*word, "release" | "requires" | "v"))
    {
        return false;
    }
    const NEAR: [&str; 20] = [
        "inet",
        "addr",
        "address",
        "ip",
        "ipv4",
        "host",
        "server",
        "nameserver",
        "from",
        "via",
        "src",
        "gateway",
        "peer",
        "brd",
        "listen",
        "listening",
        "remote",
        "client",
        "connect",
        "dns",
    ];
    let near = words.last().is_some_and(|word| NEAR.contains(word));
    let port_or_prefix = matches!(tail, [b'/' | b':', digit, ..] if digit.is_ascii_digit());
    near || port_or_prefix || parts[0] >= 20
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_go() {
        for (text, shown) in [
            (
                "link/ether 3c:7c:3f:1e:aa:0b brd ff:ff:ff:ff:ff:ff",
                "link/ether 00:00:00:00:00:00 brd ff:ff:ff:ff:ff:ff",
            ),
            ("3C-7C-3F-1E-AA-0B", "00-00-00-00-00-00"),
            (
                "inet 10.0.0.5/24 brd 10.0.0.255",
                "inet 192.0.2.1/24 brd 192.0.2.1",
            ),
            ("nameserver 8.8.8.8", "nameserver 192.0.2.1"),
            ("http://12.4.5.8:8080/x", "http://192.0.2.1:8080/x"),
            ("host is 203.0.113.7.", "host is 192.0.2.1."),
            ("inet6 fe80::3e7c:3fff:fe1e:aa0b/64", "inet6 2001:db8::1/64"),
            ("[2a01:4f8:c0c:1234::1]:22", "[2001:db8::1]:22"),
            ("192.168.1.20", "192.0.2.1"),
        ] {
            assert_eq!(replace(text, false), shown);
            assert_eq!(replace(shown, false), shown, "twice is once");
        }
        assert_eq!(replace("10.1.2.3 22", true), "192.0.2.1 22");
    }

    #[test]
    fn versions_and_bus_addresses_stay() {
        for text in [
            "580.95.05",
            "NVRM version: 12.4.1.0",
            "nvidia-cublas-cu12==12.4.5.8",
            "nvidia_curand_cu12-10.3.5.147.dist-info",
            "libcublas.so.12.4.5.8",
            "Version: 10.3.5.147",
            "cudnn 9.1.0.70",
            "Linux version 5.15.167.4-microsoft-standard-WSL2",
            "127.0.0.1 0.0.0.0 ::1 255.255.255.0",
            "0000:01:00.0 00000000:01:00.0 pci0000:00/0000:00:01.1",
            "12:34:56 c10::Error at::native::add std::dec f00::bar",
            "x=1.2.3.4.5 300.1.1.1",
        ] {
            assert_eq!(replace(text, false), text);
        }
    }
}
