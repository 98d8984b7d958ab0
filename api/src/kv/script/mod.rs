//! Scripts: Lua that is stored in a bucket and run by a request, with the rights of whoever sends it.
//!
//! A script runs in a worker, a process of this program's own (`worker`), of which there are few (`pool`). It is told what
//! it is to run, and asks for what it wants done in the bucket (`run`), which the caller's grant decides like any other
//! request. What both say to each other is in `frame`; what clients say and are told, in `door`.

mod door;
mod frame;
mod pool;
mod run;
mod worker;

pub use pool::KvScripts;
pub(super) use pool::Workers;
pub(super) use worker::work;
