//! Files and folders that are whole or absent: written aside in the same folder, synced, then renamed into place; locks
//! that keep two processes from spoiling each other's; and clearing away what a killed process left.
//!
//! Whatever is in the making is called `.aside-` and ten letters or digits, so one sweep finds it, whoever made it.

mod aside;
mod lock;
mod output;
pub mod regular_file;
mod sync;

pub use aside::{Aside, leftovers, link_or_copy, remove_file, remove_folder, sweep, write, write_with};
pub use lock::{Attempt, Lock};
pub use output::{behind_links, write_to};
pub use sync::{create_folders, folder_of, sync_folder, try_folders};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
