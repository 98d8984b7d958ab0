//! Connections to upstreams: over TCP or TLS, and to addresses of this network only where that is allowed.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

use super::address::is_public;

/// Connects over TCP.
pub(super) type Plain = HttpConnector<Resolver>;
/// Connects over TLS.
pub(super) type Secure = HttpsConnector<Plain>;

/// A connector that gives up on a host after `timeout`.
pub(super) fn plain(timeout: Duration, allow_private: bool) -> Plain {
    let mut connector = HttpConnector::new_with_resolver(Resolver { allow_private });
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(timeout));
    connector
}

/// The same over TLS, with the certificates that the platform trusts. Fails where it has none.
pub(super) fn secure(plain: Plain) -> io::Result<Secure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = HttpsConnectorBuilder::new().with_provider_and_platform_verifier(provider)?;
    Ok(builder.https_only().enable_http1().wrap_connector(plain))
}

/// Finds the addresses of a host. An address in place of a host does not come here.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    allow_private: bool,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allow_private = self.allow_private;
        let found = GaiResolver::new().call(name);
        Box::pin(async move {
            let addresses: Vec<SocketAddr> = found.await?.collect();
            // One that is not allowed among others is no accident.
            if !allow_private && !addresses.iter().all(|address| is_public(address.ip())) {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "the host has an address that is not allowed",
                ));
            }
            Ok(addresses.into_iter())
        })
    }
}
