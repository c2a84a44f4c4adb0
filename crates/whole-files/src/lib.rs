#![doc = include_str!("../README.md")]

mod aside;
mod links;
mod lock;
mod output;
pub mod regular_file;
mod sync;

pub use aside::{Aside, leftovers, link_or_copy, remove_file, remove_folder, sweep, write, write_with};
pub use links::behind_links;
pub use lock::Lock;
pub use output::write_to;
pub use sync::{create_folders, folder_of, sync_folder, try_folders};
