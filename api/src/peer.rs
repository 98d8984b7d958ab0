//! Who is at the other end of a request.

use std::net::{IpAddr, Ipv4Addr};

use http::request::Parts;

/// The client of a request, as far as the connection, or a proxy that is trusted, tells. It stands in the extensions of
/// every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Where it is.
    pub address: IpAddr,
    /// Whether it speaks TLS.
    pub secure: bool,
}

impl Peer {
    /// The end of a connection. IPv4 addresses are themselves also where the listener is one of IPv6.
    pub fn new(address: IpAddr, secure: bool) -> Self {
        Self { address: address.to_canonical(), secure }
    }

    /// Whether nobody can listen between the client and the gateway.
    pub fn is_unheard(&self) -> bool {
        self.secure || self.address.is_loopback()
    }

    /// The client that a request tells. Without one there is nobody to trust.
    pub(crate) fn of(head: &Parts) -> Self {
        head.extensions.get().copied().unwrap_or(Self { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), secure: false })
    }
}
