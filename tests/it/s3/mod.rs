//! The S3 door: one file per noun or verb of the S3 API.

mod auth;
mod bearer;
mod bucket;
mod checksum;
mod complete;
mod condition;
mod copy;
mod delete;
mod errors;
mod get;
mod headers;
mod keys;
mod list;
mod list_page;
mod multipart;
mod notimplemented;
mod part;
mod presign;
mod put;
mod range;
mod streaming;
mod tenant;
mod virtual_host;
