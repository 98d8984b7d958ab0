//! The JSON doors: the management API, one file per resource; the files face; and what holds for all of them at once.

mod auth;
mod billing;
mod bucket_change;
mod bucket_list;
mod bucket_make;
mod cli;
mod conventions;
mod deadline;
mod deletion;
mod document;
pub(crate) mod face;
mod file_list;
mod files;
mod folders;
pub(crate) mod house;
mod keys;
mod kv;
mod limits;
mod logs;
mod matrix;
mod mint;
mod quota;
mod rates;
mod revoke;
mod rows;
mod secrets;
mod share;
