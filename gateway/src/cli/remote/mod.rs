//! The commands that speak to a gateway over `/v1` and, for key-values, `/kv`, one file per noun, and what they share: which gateway and which token
//! (`access.rs`), requests and what answers mean (`client.rs`), the exit codes (`exit.rs`), pages (`list.rs`), how answers are
//! shown (`show.rs`, `print.rs`). They read no settings and no data folder.

mod access;
pub(super) mod account;
pub(super) mod adopt;
pub(super) mod bucket;
mod client;
pub(super) mod doctor;
mod exit;
pub(super) mod file;
pub(super) mod key;
pub(super) mod kv;
mod list;
pub(super) mod log;
mod print;
mod profile;
mod progress;
mod run;
mod show;
pub(super) mod usage;

use access::AccessArgs;
pub(super) use access::{ENDPOINT, GatewayArgs, TOKEN};
use exit::{Exit, Failure, Result};
use run::{Remote, run};
use show::{Column, Kind};
