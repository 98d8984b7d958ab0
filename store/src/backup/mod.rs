//! Backups of the metadata: taken while the store serves, and put back offline.
//!
//! A backup is one snapshot of every table in one file. The bytes of large objects are not in it; instead it holds
//! garbage collection back: the commit before the snapshot notes a hold with its place in the sequence, and until the
//! hold expires the sweep removes nothing that became garbage after it. So a backup that is put back in time finds the
//! bytes of all its objects in the blob folder. Order comes from the sequence, so no clock that is set back can make the
//! sweep take what a backup needs; only when a hold ends is a matter of the clock.

mod format;
mod hold;
mod restore;
mod take;

pub use hold::BackupHold;
pub(crate) use hold::{drop_expired, held_from};
pub use restore::{Restored, restore};
pub use take::{BackedUp, BackupOptions, backup_offline};
