//! Why a transfer failed, and what that says about trying again.

use super::retry::Advice;
use std::error::Error;
use std::io;
use std::time::Duration;

/// A transfer that failed for good, after whatever retries its cause deserved.
#[derive(Debug, thiserror::Error)]
#[error("{url}: {cause}")]
pub struct TransferError {
    /// What was asked for, without any password in it.
    pub url: String,
    /// Why it failed.
    #[source]
    pub cause: TransferCause,
}

/// Why a transfer failed.
#[derive(Debug, thiserror::Error)]
pub enum TransferCause {
    /// The URL does not parse, is not https, or redirects to one that is not, or round and round.
    #[error("not fetched: {0}")]
    Url(String),
    /// TLS cannot be set up on this machine, for example because it has no root certificates.
    #[error("TLS cannot be set up: {0}")]
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
    /// The server answered with a status other than success.
    #[error("the server answered {status}")]
    Status {
        /// The status with its standard phrase, such as `404 Not Found`.
        status: reqwest::StatusCode,
        /// How long the server asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// A web page came in place of a file, as captive portals, logins and proxies send.
    #[error("the server sent an HTML page in place of the file")]
    HtmlPage,
    /// The server has, or sent, more than the file can be; the rest was not read.
    #[error("the server sends more than the {max_bytes} bytes that the file may have")]
    TooLarge {
        /// The bound.
        max_bytes: u64,
    },
    /// The server fell silent, or slower than is any use.
    #[error("no data for {} s after {received} bytes", .silence.as_secs_f32())]
    Stalled {
        /// Bytes that had arrived.
        received: u64,
        /// How long nothing came.
        silence: Duration,
    },
    /// The connection broke off, or the server contradicted itself.
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
            Self::Setup(_)
            | Self::Unreachable(_)
            | Self::Untrusted(_)
            | Self::Stalled { .. }
            | Self::Broken { .. } => true,
            Self::Status { status, .. } => status.is_server_error(),
            Self::Url(_) | Self::HtmlPage | Self::TooLarge { .. } | Self::Write(_) => false,
        }
    }

    pub(super) fn advice(&self) -> Advice {
        match self {
            Self::Stalled { .. } | Self::Broken { .. } => Advice::BackOff { after: None },
            Self::Status { status, retry_after } if is_passing(*status) => {
                Advice::BackOff { after: *retry_after }
            }
            // A name that does not resolve or a refusal is seldom mended by waiting: the next source is quicker.
            Self::Unreachable(_) => Advice::Once,
            _ => Advice::GiveUp,
        }
    }

    /// What an error of asking, before any byte of the body, means; `received` bytes came in earlier tries.
    pub(super) fn of_request(error: &reqwest::Error, received: u64, stall_timeout: Duration) -> Self {
        let why = innermost(error);
        if matches!(
            find::<rustls::Error>(error),
            Some(rustls::Error::InvalidCertificate(_))
        ) {
            Self::Untrusted(why)
        } else if error.is_builder() || error.is_redirect() {
            Self::Url(why)
        } else if error.is_connect() {
            Self::Unreachable(why)
        } else if error.is_timeout() {
            Self::Stalled {
                received,
                silence: stall_timeout,
            }
        } else {
            Self::Broken { received, why }
        }
    }

    /// What an error of reading the body after `received` bytes means.
    pub(super) fn of_body(error: &io::Error, received: u64, stall_timeout: Duration) -> Self {
        if find::<reqwest::Error>(error).is_some_and(reqwest::Error::is_timeout) {
            Self::Stalled {
                received,
                silence: stall_timeout,
            }
        } else {
            Self::Broken {
                received,
                why: innermost(error),
            }
        }
    }
}

/// 408, 425, 429 and 5xx, save those that say "never".
fn is_passing(status: reqwest::StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502..=504 | 507..=599)
}

/// The first error of type `E` in the chain, also inside `io::Error`, which hides what it wraps from `source()`.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// The message of the deepest cause: `connection refused`, not `error sending request`.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().unwrap_or(error).to_string()
}

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
    fn finds_what_an_io_error_wraps() {
        let inner = rustls::Error::General("odd".into());
        let outer = io::Error::other(io::Error::other(inner));
        assert_eq!(innermost(&outer), "unexpected error: odd");
        assert!(find::<rustls::Error>(&outer).is_some());
    }

    #[test]
    fn tells_passing_trouble_from_lasting() {
        let advice = |code| TransferCause::Status {
            status: reqwest::StatusCode::from_u16(code).unwrap(),
            retry_after: None,
        };
        for code in [408, 429, 500, 502, 503, 504, 520] {
            assert_eq!(advice(code).advice(), Advice::BackOff { after: None }, "{code}");
        }
        for code in [400, 401, 403, 404, 410, 416, 451, 501, 505] {
            assert_eq!(advice(code).advice(), Advice::GiveUp, "{code}");
        }
    }
}
