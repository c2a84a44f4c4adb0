//! Pictures that are drawn here, for people to look at.

mod heat_map;
mod picture;

pub use heat_map::heat_map;
pub use picture::Picture;
