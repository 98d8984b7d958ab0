//! Every promise that can be checked from outside the process, as a test whose name says what holds.
//!
//! The modules mirror the doors: `s3` for the S3 door, `ops` for what an operator sees. `crash`, `linear`, `race` and
//! `model` are about all of it at once; `tidy` reads the source tree.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

mod behaviours;
mod crash;
mod faults;
mod fuzz;
mod home;
mod kv;
mod linear;
mod list_rows;
mod model;
mod net;
mod ops;
mod race;
mod s3;
mod tidy;
mod uploads;
mod upstream;
mod v1;
