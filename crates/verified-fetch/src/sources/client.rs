//! The HTTPS client: TLS always verified, against the roots this system trusts.

use super::Failure;
use reqwest::{NoProxy, Proxy, Url};
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use std::env;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// How long a client waits.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest silence of a server.
    pub stall_timeout: Duration,
    /// Longest that one file may take.
    pub deadline: Duration,
    /// The pause before the second try; twice as long before the third.
    pub pause: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            deadline: Duration::from_secs(900),
            pause: Duration::from_millis(500),
        }
    }
}

/// Fetches over HTTPS and nothing else, also across redirects.
///
/// Certificates are verified against the system's roots, or those that `SSL_CERT_FILE` and `SSL_CERT_DIR` name; there
/// is no way to turn that off. `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    /// The client proper, or why there is none, which every transfer then fails by.
    http: Result<reqwest::blocking::Client, String>,
    pub(super) policy: Policy,
}

impl Client {
    /// One that waits as `policy` says, and trusts `roots` (certificates in DER) as well, such as an in-house authority.
    pub fn with(policy: Policy, roots: impl IntoIterator<Item = CertificateDer<'static>>) -> Self {
        Self { http: http(&policy, roots), policy }
    }

    pub(crate) fn http(&self) -> Result<&reqwest::blocking::Client, Failure> {
        self.http.as_ref().map_err(|why| Failure::Source(format!("HTTPS cannot be set up: {why}")))
    }
}

/// Trusts the system's roots.
impl Default for Client {
    fn default() -> Self {
        Self::with(Policy::default(), [])
    }
}

fn http(
    policy: &Policy,
    roots: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<reqwest::blocking::Client, String> {
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(trusted(roots)?)
        .with_no_client_auth();
    let builder = reqwest::blocking::Client::builder()
        .use_preconfigured_tls(tls)
        .https_only(true)
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(policy.connect_timeout)
        // The blocking client applies this to the response's head and to every single read of its body.
        .timeout(policy.stall_timeout)
        .pool_idle_timeout(Duration::from_secs(10));
    match proxy()? {
        Some(proxy) => builder.proxy(proxy.no_proxy(NoProxy::from_env())),
        None => builder.no_proxy(),
    }
    .build()
    .map_err(|error| innermost(&error))
}

/// The system's roots and `more`.
fn trusted(more: impl IntoIterator<Item = CertificateDer<'static>>) -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (_, unusable) = roots.add_parsable_certificates(found.certs.into_iter().chain(more));
    log::debug!("root certificates: {} trusted, {unusable} not understood", roots.len());
    if roots.is_empty() {
        let why = found.errors.first().map_or_else(String::new, |error| format!(" ({error})"));
        return Err(format!(
            "no trusted root certificates{why}; install the system's CA certificates, or name a file of them in \
             SSL_CERT_FILE"
        ));
    }
    Ok(roots)
}

/// The proxy that the environment names. One that is not understood is an error: going round it would be no better
/// than it was meant to be.
fn proxy() -> Result<Option<Proxy>, String> {
    let value = |name| env::var_os(name).unwrap_or_default().to_string_lossy().trim().to_owned();
    let names = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
    let Some((name, value)) =
        names.map(|name| (name, value(name))).into_iter().find(|(_, value)| !value.is_empty())
    else {
        return Ok(None);
    };
    let has_scheme = value.contains("://");
    let url = match has_scheme {
        true => value.clone(),
        false => format!("http://{value}"),
    };
    let understood = Url::parse(&url).ok().filter(|url| {
        ["http", "https"].contains(&url.scheme()) && url.has_host() && (has_scheme || url.path() == "/")
    });
    let proxy = understood.and_then(|url| Proxy::https(url).ok());
    proxy.map(Some).ok_or_else(|| {
        let shown = without_password(&url);
        let typed = if has_scheme { &shown } else { shown.trim_start_matches("http://") };
        format!("{name}={typed} names no proxy that is understood, such as http://proxy.example:3128")
    })
}

/// `url` as it may be shown and logged.
pub(crate) fn without_password(url: &str) -> String {
    if let Ok(mut parsed) = Url::parse(url)
        && parsed.password().is_some()
        && parsed.set_password(None).is_ok()
    {
        return parsed.to_string();
    }
    url.to_owned()
}

/// The message of the deepest cause: `connection refused`, not `error sending request`.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}

/// The error and its causes, also those inside an `io::Error`, which hides what it wraps from `source()`.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}
