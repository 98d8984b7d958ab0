//! The uploads API, row by row of its contract.

mod access;
mod files;
mod home;
mod multipart;
mod projects;
mod upload;
mod webhook;
