//! Who is at the other end.

use std::net::IpAddr;

/// The client of a request, as far as the connection, or a proxy that is trusted, tells. It stands in the extensions of
/// every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Where it is.
    pub(crate) address: IpAddr,
    /// Whether it speaks TLS.
    pub(crate) secure: bool,
}

impl Peer {
    /// The end of a connection. IPv4 addresses are themselves also where the listener is one of IPv6.
    pub(super) fn new(address: IpAddr, secure: bool) -> Self {
        Self { address: address.to_canonical(), secure }
    }

    /// Whether nobody can listen between the client and the gateway.
    pub(crate) fn is_unheard(&self) -> bool {
        self.secure || self.address.is_loopback()
    }
}
