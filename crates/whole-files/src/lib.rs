#![doc = include_str!("../README.md")]

mod aside;
mod lock;
mod output;
pub mod regular_file;
mod sync;

pub use aside::{Aside, leftovers, link_or_copy, remove_file, remove_folder, sweep, write, write_with};
pub use lock::Lock;
pub use output::{behind_links, write_to};
pub use sync::{create_folders, folder_of, sync_folder, try_folders};
