//! The proxy a request goes through: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as curl and
//! pip read them (capital or small letters). Plain http goes through the proxy's `CONNECT`, too.

use crate::host::variable;
use ureq::{Proxy, ProxyProtocol};

/// The proxy for a scheme; none without one.
///
/// # Errors
/// In words that name the variable but not its value, which may hold a password.
pub(super) fn proxy(secure: bool) -> Result<Option<Proxy>, String> {
    from(secure, &|name| {
        variable(name).filter(|value| !value.trim().is_empty())
    })
}

fn from(secure: bool, variable: &dyn Fn(&str) -> Option<String>) -> Result<Option<Proxy>, String> {
    let either = |name: &str| variable(&name.to_ascii_lowercase()).or_else(|| variable(name));
    let first = if secure { "HTTPS_PROXY" } else { "HTTP_PROXY" };
    let Some((name, value)) = [first, "ALL_PROXY"]
        .into_iter()
        .find_map(|name| Some((name, either(name)?)))
    else {
        return Ok(None);
    };
    let plain =
        Proxy::new(value.trim()).map_err(|_| format!("{name} holds no address of a proxy"))?;
    if !matches!(plain.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        return Err(format!(
            "{name} names a SOCKS proxy; only http:// and https:// ones are supported"
        ));
    }
    let mut proxy = Proxy::builder(plain.protocol())
        .host(plain.host())
        .port(plain.port());
    if let Some(user) = plain.username() {
        proxy = proxy.username(user);
    }
    if let Some(password) = plain.password() {
        proxy = proxy.password(password);
    }
    for pattern in exempt(&either("NO_PROXY").unwrap_or_default()) {
        proxy = proxy.no_proxy(&pattern);
    }
    proxy
        .build()
        .map(Some)
        .map_err(|_| format!("{name} holds no address of a proxy"))
}

/// The hosts that are reached directly: each name with all names below it.
fn exempt(list: &str) -> Vec<String> {
    let mut patterns = Vec::new();
    for entry in list
        .split([',', ' '])
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
    {
        let name = match entry.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') && port.parse::<u16>().is_ok() => name,
            _ => entry,
        };
        if name.contains('*') {
            patterns.push(name.to_string());
        } else {
            let name = name.trim_matches('.');
            patterns.extend([name.to_string(), format!(".{name}")]);
        }
    }
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_proxy_is_chosen() {
        let choose = |secure, set: &[(&str, &str)]| {
            let set: Vec<(String, String)> = set
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect();
            let found = from(secure, &|name| {
                set.iter()
                    .find(|(set, _)| set == name)
                    .map(|(_, value)| value.clone())
            });
            found.map(|proxy| proxy.map(|proxy| format!("{}:{}", proxy.host(), proxy.port())))
        };
        assert_eq!(choose(true, &[]), Ok(None));
        assert_eq!(choose(true, &[("HTTP_PROXY", "http://p:1")]), Ok(None));
        assert_eq!(
            choose(
                true,
                &[("HTTPS_PROXY", "http://p:1"), ("https_proxy", "q:2")]
            ),
            Ok(Some("q:2".into()))
        );
        assert_eq!(
            choose(false, &[("ALL_PROXY", "http://u:pw@p:3128/")]),
            Ok(Some("p:3128".into()))
        );
        for broken in ["socks5://p:1", "://", "http://"] {
            let error = choose(true, &[("HTTPS_PROXY", broken)]).unwrap_err();
            assert!(error.starts_with("HTTPS_PROXY"), "{error}");
        }
        let error = choose(true, &[("HTTPS_PROXY", "gopher://u:secret@p")]).unwrap_err();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn exempt_hosts_are_reached_directly() {
        let list = "localhost, .corp.example,10.0.0.1:80,*.lab";
        let proxy = from(false, &|name| match name {
            "HTTP_PROXY" => Some("http://proxy:1".into()),
            "NO_PROXY" => Some(list.into()),
            _ => None,
        });
        let proxy = proxy.unwrap().unwrap();
        for (host, direct) in [
            ("localhost", true),
            ("corp.example", true),
            ("a.corp.example", true),
            ("notcorp.example", false),
            ("10.0.0.1", true),
            ("x.lab", true),
            ("lab.example", false),
        ] {
            let address = format!("http://{host}/").parse().unwrap();
            assert_eq!(proxy.is_no_proxy(&address), direct, "{host}");
        }
    }
}
