//! Adoption: a linked bucket becomes one of our own while everybody goes on using it.
//!
//! **What is true of a key.** From the commit that begins an adoption on, all writes are ours. A key with a row in `objects`
//! is that object. A key with a row in `tombstones` is not there, whatever the upstream has: it was deleted since, or was
//! looked for and not found. Any other key is *unsettled*: it is what the upstream has. The upstream itself is
//! never changed.
//!
//! **Reads** look here and only then upstream. What they find upstream cannot have been older than the moment they looked here,
//! because nothing changes there, so a read that is overtaken by a write is a read before it.
//! **Writes** put a row, or delete one and leave a tombstone. What has to be decided in a commit about what is there (a
//! condition, a change of tags, a copy) first *settles* the key: its object is brought here, or a tombstone is left if there is
//! none. Then it is like any other.
//! **The job** goes through the upstream's keys in order and brings what is unsettled. Bringing puts a row only if the key is
//! still unsettled in that very commit, and a settled key stays settled, so it can be done at any time, by anybody, and twice.
//! When a pass has left nothing unsettled one commit takes the link away; tombstones mean nothing then and are cleared.
//!
//! **In flight.** Changes that were sent upstream before the beginning may arrive there after it, so that what was brought would be
//! too old. Each is held in `Forwards` while it is under way, and nothing is settled until they have ended. A later one cannot
//! slip in: it is noted first, and then the bucket is looked at again.
//!
//! Left upstream are noncurrent versions, open uploads, locks and access control lists. Writers that go around the gateway
//! meanwhile are not seen.

mod begin;
mod bring;
mod forward;
mod list;
mod pace;
mod parts;
mod read;
mod row;
mod settled;
mod step;

pub use forward::Forwarding;
pub(crate) use forward::Forwards;
pub use pace::Pace;
pub(crate) use read::look;
pub use row::{AdoptionRow, Failure, Phase, TombstoneRow};
pub(crate) use settled::{Turns, bury, is_linked, is_unsettled, must_be_ours};
pub use step::AdoptionStep;
pub(crate) use step::clear_tombstones;
