//! Whom TLS trusts: the certificates a person names, else the system's, else Mozilla's as built in.

use crate::host::place::Base;
use crate::host::{read, variable};
use std::path::Path;
use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

/// Variables that name a file of certificates: OpenSSL's, pip's and requests'.
const NAMED: [&str; 3] = ["SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"];

/// The bundles of Debian and Arch, Red Hat, and macOS and Alpine.
const SYSTEM: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// The certificates to trust.
///
/// # Errors
/// When a file that a person named can't be used: trusting something else instead would surprise.
pub(super) fn roots() -> Result<RootCerts, String> {
    from(
        &|name| variable(name).filter(|value| !value.is_empty()),
        &SYSTEM,
    )
}

fn from(variable: &dyn Fn(&str) -> Option<String>, system: &[&str]) -> Result<RootCerts, String> {
    let named = NAMED
        .into_iter()
        .find_map(|name| Some((name, variable(name)?)));
    if let Some((name, path)) = named {
        let certificates =
            load(&path).map_err(|detail| format!("{name} names {path}: {detail}"))?;
        return Ok(RootCerts::new_with_certs(&certificates));
    }
    let bundle = system.iter().find_map(|path| load(path).ok());
    Ok(bundle.map_or(RootCerts::WebPki, |certificates| {
        RootCerts::new_with_certs(&certificates)
    }))
}

/// A PEM file's certificates; what else is in it is passed over.
fn load(path: &str) -> Result<Vec<Certificate<'static>>, String> {
    let pem =
        read::file(&Base::Whole, Path::new(path), 16 << 20).map_err(|error| error.to_string())?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        Err("no certificate in it".into())
    } else {
        Ok(certificates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_file_is_used_or_an_error_and_the_rest_falls_back() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem").display().to_string();
        std::fs::write(&empty, "no certificate").unwrap();
        let good = folder.path().join("good.pem").display().to_string();
        // Any bytes will do here: whether it is a sound certificate is looked at in a handshake.
        std::fs::write(
            &good,
            "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
        )
        .unwrap();
        let with = |name: &'static str, value: &str| {
            let value = value.to_string();
            from(&move |asked| (asked == name).then(|| value.clone()), &[])
        };
        for name in NAMED {
            assert!(matches!(with(name, &good), Ok(RootCerts::Specific(_))));
            for bad in [&empty, "/none", &folder.path().display().to_string()] {
                let error = with(name, bad).unwrap_err();
                assert!(error.starts_with(name), "{error}");
            }
        }
        assert!(matches!(
            from(&|_| None, &["/none", &empty]),
            Ok(RootCerts::WebPki)
        ));
        assert!(matches!(
            from(&|_| None, &["/none", &good]),
            Ok(RootCerts::Specific(_))
        ));
    }
}
