//! Why a transfer failed, and whether trying again is worth it.

use reqwest::StatusCode;
use std::error::Error;
use std::io;
use std::time::Duration;

const TRIES: u32 = 3;

/// Why a transfer failed, after whatever tries its cause deserved.
#[derive(Debug, thiserror::Error)]
pub enum TransferCause {
    /// The URL does not parse, is not https, or redirects to one that is not, or round and round.
    #[error("not fetched: {0}")]
    Url(String),
    /// There can be no TLS, for example for want of root certificates, or the proxy is not understood.
    #[error("HTTPS cannot be set up: {0}")]
    Setup(String),
    /// No connection: name resolution, routing, a proxy, a refusal, or a TLS handshake that failed.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// The server's certificate is not one that this system trusts.
    #[error(
        "its certificate is not trusted: {0} (behind a proxy that inspects TLS, name that proxy's CA certificate in \
         SSL_CERT_FILE)"
    )]
    Untrusted(String),
    /// The server answered with a status other than success, such as `404 Not Found`.
    #[error("the server answered {0}")]
    Status(StatusCode),
    /// A web page came in place of a file, as captive portals, logins and proxies send.
    #[error("the server sent an HTML page in place of the file")]
    HtmlPage,
    /// The server has, or sent, more than the file can be; the rest was not read.
    #[error("the server sends more than the {max_bytes} bytes that the file may have")]
    TooLarge {
        /// The bound.
        max_bytes: u64,
    },
    /// The server fell silent.
    #[error("no data for {} s after {received} bytes", .silence.as_secs_f32())]
    Stalled {
        /// Bytes that had arrived.
        received: u64,
        /// How long nothing came.
        silence: Duration,
    },
    /// The server sends, but too slowly to be of use.
    #[error("no more than {received} bytes in {} s", .after.as_secs_f32())]
    TooSlow {
        /// Bytes that had arrived.
        received: u64,
        /// How long it took.
        after: Duration,
    },
    /// The connection broke off.
    #[error("the transfer broke off after {received} bytes: {why}")]
    Broken {
        /// Bytes that had arrived.
        received: u64,
        /// What happened.
        why: String,
    },
    /// What arrived could not be written to disk.
    #[error("cannot write what arrived: {0}")]
    Write(#[source] io::Error),
}

impl TransferCause {
    /// Whether the host itself is the trouble, so that its other files are not worth asking for.
    pub fn concerns_host(&self) -> bool {
        match self {
            Self::Status(status) => status.is_server_error(),
            Self::Url(_) | Self::HtmlPage | Self::TooLarge { .. } | Self::Write(_) => false,
            _ => true,
        }
    }

    /// How often it is worth trying.
    pub(crate) fn tries(&self) -> u32 {
        match self {
            Self::Stalled { .. } | Self::Broken { .. } => TRIES,
            Self::Status(status) if matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502..=504 | 507..) => {
                TRIES
            }
            // A name that does not resolve or a refusal is seldom mended by waiting: the next source is quicker.
            Self::Unreachable(_) => 2,
            _ => 1,
        }
    }

    /// What an error of asking, before any byte of the body, means.
    pub(crate) fn of_request(error: &reqwest::Error, silence: Duration) -> Self {
        let why = innermost(error);
        let tls = chain(error).find_map(|error| error.downcast_ref::<rustls::Error>());
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            Self::Untrusted(why)
        } else if error.is_builder() || error.is_redirect() {
            Self::Url(why)
        } else if error.is_connect() {
            Self::Unreachable(why)
        } else if error.is_timeout() {
            Self::Stalled { received: 0, silence }
        } else {
            Self::Broken { received: 0, why }
        }
    }

    /// What an error of reading the body after `received` bytes means.
    pub(crate) fn of_body(error: &io::Error, received: u64, silence: Duration) -> Self {
        let http = chain(error).find_map(|error| error.downcast_ref::<reqwest::Error>());
        match http.is_some_and(reqwest::Error::is_timeout) {
            true => Self::Stalled { received, silence },
            false => Self::Broken { received, why: innermost(error) },
        }
    }
}

/// `url` as it may be shown and logged.
pub(crate) fn without_password(url: &str) -> String {
    if let Ok(mut parsed) = reqwest::Url::parse(url)
        && parsed.password().is_some()
        && parsed.set_password(None).is_ok()
    {
        return parsed.to_string();
    }
    url.to_owned()
}

/// The message of the deepest cause: `connection refused`, not `error sending request`.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().unwrap_or(error).to_string()
}

/// The error and its causes, also those inside an `io::Error`, which hides what it wraps from `source()`.
fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_no_password() {
        assert_eq!(without_password("https://me:secret@host/a"), "https://me@host/a");
        assert_eq!(without_password("nonsense"), "nonsense");
    }

    #[test]
    fn tells_passing_trouble_from_lasting() {
        let tries = |code| TransferCause::Status(StatusCode::from_u16(code).unwrap()).tries();
        for code in [408, 429, 500, 502, 503, 504, 520] {
            assert_eq!(tries(code), TRIES, "{code}");
        }
        for code in [400, 401, 403, 404, 410, 416, 451, 501, 505] {
            assert_eq!(tries(code), 1, "{code}");
        }
    }
}
