//! Sockets: accepting them up to a cap, speaking TLS and HTTP on each within stated limits, and draining them at the end. And
//! what a connection tells of its request: the client, and the host that was asked.

mod accept;
mod connection;
mod domains;
mod greeting;
mod io;
mod outward;
mod proxy;
mod tls;
mod turns;

pub(crate) use accept::{Served, serve};
pub(crate) use connection::Limits;
pub(crate) use domains::{Domains, without_port};
pub(crate) use io::Activity;
pub(crate) use outward::Outward;
pub(crate) use proxy::{Proxies, host_of};
pub(crate) use tls::{Pair, Tls, Watcher};
pub(crate) use windlass_api::Peer;
