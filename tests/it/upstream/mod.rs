//! Upstreams: S3 APIs of somebody else, played by a second gateway.

mod accounts;
mod adopt;
mod adopt_race;
mod adopting;
mod blob_faults;
mod blobs;
mod doors;
mod gateway;
mod linked;
mod linked_copy;
mod linked_faults;
mod linked_keys;
mod pair;
mod roles;
mod sts;
