//! A load generator for any S3 endpoint: keep-alive connections, signed requests, bodies that all differ.
//!
//! Each thread has its own connections and a runtime of its own, so that the client costs little and the same for every server.

mod body;
mod client;
mod drive;
mod fixed;
mod histogram;
mod listing;
mod plan;
mod report;
mod run;
mod sign;
mod worker;

pub(crate) use body::{Pieces, Random};
pub(crate) use client::{Call, Client, Endpoint, Problem, Take};
pub(crate) use drive::{Ask, Drive, Driven, drive, each};
pub(crate) use fixed::{Fixed, plain_client};
pub(crate) use histogram::Histogram;
pub(crate) use plan::{LoadArgs, Operation, Payload, parse_size, prefilled_key};
pub(crate) use report::Report;
pub(crate) use run::{fill, run};
