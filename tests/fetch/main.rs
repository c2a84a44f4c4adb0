//! Fetching, against a local HTTPS server that misbehaves on purpose.

mod binary;
mod caching;
mod recorder;
mod server;
mod transfer;
