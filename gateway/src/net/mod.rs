//! Sockets: accepting them up to a cap, speaking HTTP on each within stated limits, and draining them at the end.

mod accept;
mod connection;
mod io;

pub(crate) use accept::serve;
pub(crate) use connection::Limits;
