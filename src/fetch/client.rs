//! The HTTPS client: TLS always verified, against the roots this system trusts.

use super::retry::Policy;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Fetches over HTTPS and nothing else, also across redirects.
///
/// Certificates are verified against the system's roots, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name; there
/// is no way to turn that off. `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured. Clones share their connections.
#[derive(Debug, Clone, Default)]
pub struct Client {
    extra_roots: Vec<CertificateDer<'static>>,
    policy: Policy,
    http: Arc<OnceLock<Result<reqwest::blocking::Client, String>>>,
}

impl Client {
    /// A client that trusts the system's roots. They are read at the first transfer, so this costs nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts `roots` (certificates in DER) as well, such as an in-house authority.
    #[must_use]
    pub fn with_extra_roots(mut self, roots: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        self.extra_roots.extend(roots);
        self.http = Arc::default();
        self
    }

    /// Replaces how long to wait and how often to try again.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self.http = Arc::default();
        self
    }

    /// How long this client waits and how often it tries again.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The client proper, or why there is none.
    pub(super) fn http(&self) -> Result<&reqwest::blocking::Client, String> {
        self.http
            .get_or_init(|| self.build())
            .as_ref()
            .map_err(String::clone)
    }

    fn build(&self) -> Result<reqwest::blocking::Client, String> {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(self.roots()?)
            .with_no_client_auth();
        reqwest::blocking::Client::builder()
            .use_preconfigured_tls(tls)
            .https_only(true)
            .user_agent(concat!("tf-mnist/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(self.policy.connect_timeout)
            // The blocking client applies this to the response's head and to every single read of its body.
            .timeout(self.policy.stall_timeout)
            .pool_idle_timeout(Duration::from_secs(10))
            .build()
            .map_err(|error| super::transfer_error::innermost(&error))
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            log::debug!("root certificates: {error}");
        }
        let mut roots = RootCertStore::empty();
        let certificates = found.certs.into_iter().chain(self.extra_roots.iter().cloned());
        let (_, unusable) = roots.add_parsable_certificates(certificates);
        if unusable > 0 {
            log::debug!("root certificates: {unusable} are not understood and were left out");
        }
        if roots.is_empty() {
            let why = found
                .errors
                .first()
                .map_or_else(String::new, |error| format!(" ({error})"));
            return Err(format!(
                "no trusted root certificates{why}; install the system's CA certificates, or name a file of them in \
                 SSL_CERT_FILE"
            ));
        }
        Ok(roots)
    }
}
