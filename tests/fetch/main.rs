//! Fetching, against a local HTTPS server that misbehaves on purpose.

mod binary;
mod cache_disk_faults;
mod cache_sweep;
mod caching;
mod mnist;
mod recorder;
mod transfer;
