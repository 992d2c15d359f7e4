//! The network: fetching and downloading over HTTP, and the same from `file://` mirrors.
//!
//! Every exchange is made on a thread of its own, so that neither a server that trickles bytes nor
//! a name server that never answers can hold the caller beyond its deadline or an interrupt.

mod address;
mod download;
mod exchange;
mod fetch;
mod part;
mod proxy;
mod trust;

pub(super) use download::{Download, download};
pub(super) use fetch::fetch;
pub(super) use part::part;

use crate::error::{DoorError, ErrorKind};
use std::sync::OnceLock;
use std::time::Duration;

/// As many redirects are followed.
const REDIRECTS: u32 = 5;

/// Connections, kept for the next request to the same server. Nothing is made before the first.
#[derive(Default)]
pub(crate) struct Network {
    agent: OnceLock<ureq::Agent>,
}

impl Network {
    fn agent(&self, what: &str) -> Result<ureq::Agent, DoorError> {
        if let Some(agent) = self.agent.get() {
            return Ok(agent.clone());
        }
        let roots =
            trust::roots().map_err(|detail| DoorError::new(ErrorKind::Failed, what, detail))?;
        let tls = ureq::tls::TlsConfig::builder()
            .provider(ureq::tls::TlsProvider::Rustls)
            .root_certs(roots)
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .max_redirects(REDIRECTS)
            .http_status_as_error(false)
            .redirect_auth_headers(ureq::config::RedirectAuthHeaders::SameHost)
            .user_agent(concat!("deskside/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(Duration::from_secs(20)))
            .build();
        Ok(self.agent.get_or_init(|| config.new_agent()).clone())
    }
}
