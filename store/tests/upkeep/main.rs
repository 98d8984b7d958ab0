//! What keeps a store sound over the years, on a real one: the scrub, backups, relaxed durability.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod backup;
mod home;
mod relaxed;
mod scrub;
