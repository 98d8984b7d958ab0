//! The uploads API, row by row of its contract.

mod access;
mod crash;
mod files;
mod home;
mod matrix;
mod multipart;
mod outward;
mod projects;
mod receiver;
mod upload;
mod webhook;
