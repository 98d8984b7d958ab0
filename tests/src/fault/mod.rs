//! Faults: what breaks under the gateway, done on purpose, and what must hold all the same.
//!
//! Those that need root, mounts or a tracer are run by `tests/faults/run.sh` through the binary `faults`; the others
//! are tests in `it/faults/`. Each prints what was expected beside what was seen.

pub mod clock;
pub mod crowd;
pub mod disk;
pub mod flips;
pub mod full;
pub mod ledger;
pub mod page;
pub mod pause;
pub mod power;
pub mod recover;
pub mod relaxed;
pub mod strace;
pub mod syscalls;
pub mod workload;
