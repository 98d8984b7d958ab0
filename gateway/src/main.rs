//! Windlass: an S3-compatible storage gateway in one process.
//!
//! `serve.rs` puts it together, `door.rs` is what every request passes, `s3/` is the S3 door and the only place that
//! names s3s. Deliberately absent: rules about what is stored, which live in `windlass-store`.

mod admin;
mod app;
mod body;
mod cli;
mod door;
mod incoming;
mod jobs;
mod metrics;
mod net;
mod organisations;
mod root_key;
mod s3;
mod serve;
mod site;
mod trace;

use std::process::ExitCode;

/// Requests allocate and free much that is small, from several threads: the system's allocator costs twice as much there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
