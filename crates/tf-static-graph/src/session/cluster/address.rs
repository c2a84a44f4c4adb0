//! Where a process of a cluster is reached.

use std::fmt;
use std::str::FromStr;

/// A host, by name or number, and a port: `h1:2222`, `10.0.0.7:2222`, `[fe80::1]:2222`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// The host `host`, in no brackets, and a port; 0 is any that is free, for a server of one's own.
    ///
    /// # Errors
    /// It is no name of a host.
    pub fn new(host: &str, port: u16) -> Result<Self, ParseAddressError> {
        let is_numbers = host.parse::<std::net::IpAddr>().is_ok();
        let is_name = !host.is_empty()
            && host.len() <= 253
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        match is_numbers || is_name {
            true => Ok(Self { host: host.to_owned(), port }),
            false => Err(ParseAddressError(format!("{host}:{port}"))),
        }
    }

    /// The host, in no brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The same host, and another port.
    pub fn with_port(&self, port: u16) -> Self {
        Self { port, ..self.clone() }
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// What is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no HOST:PORT, such as h1:2222 or [::1]:2222")]
pub struct ParseAddressError(String);

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no_address = || ParseAddressError(text.to_owned());
        let (host, port) = text.rsplit_once(':').ok_or_else(no_address)?;
        let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()); // `parse` would take a sign
        let port = port.parse().ok().filter(|&port| is_port && port > 0).ok_or_else(no_address)?;
        let host = match host.strip_prefix('[') {
            Some(host) => host.strip_suffix(']').filter(|host| host.contains(':')),
            None => Some(host).filter(|host| !host.contains(':')),
        };
        Self::new(host.ok_or_else(no_address)?, port).map_err(|_| no_address())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(formatter, "[{}]:{}", self.host, self.port),
            false => write!(formatter, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_prints() {
        for text in ["h1:2222", "a-b_c.example.org:1", "10.0.0.7:65535", "[fe80::1]:2222", "[::1]:80"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_none() {
        let words = ": h1 h1: h1:0 h1:+1 h1:65536 h1:x :2222 ::1:2222 [h1]:2222 [::1:22 h1/:2222 http://h1:2222 \
                     h1:2222/ a,b:1 é:1 [::1]2222 h1:1:2";
        for text in words.split(' ').chain(["", "h 1:2222"]) {
            let error = text.parse::<Address>().unwrap_err().to_string();
            assert!(error.contains("HOST:PORT"), "{text}: {error}");
        }
    }
}
