//! The command line over `/v1`: the real binary against the real gateway, and against something that only pretends to be one.

mod access;
mod account;
mod broken;
mod bucket;
mod doctor;
mod file;
mod key;
mod kv;
mod log;
mod pretender;
mod ran;
mod terminal;
mod transfer;
mod usage;
