//! What the gateway sees of a request behind whatever proxies pass it on: for those who look why a signature, a link or a limit
//! is not what they think it is. Told to holders of a token alone, since it tells of the network behind the proxies too.

use std::net::IpAddr;

use http::{Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use windlass_api::Form;

use super::TEXT;
use crate::app::App;
use crate::body::{Body, answer};
use crate::net::{Peer, host_of};

/// What is seen.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Seen {
    /// The host that was asked, which signatures are held against.
    pub(crate) host: String,
    /// Whether the client speaks TLS.
    pub(crate) secure: bool,
    /// Where the client is.
    pub(crate) address: IpAddr,
    /// What links begin with; without it they begin with the scheme and the host.
    pub(crate) public_url: Option<String>,
}

pub(super) fn page<B>(app: &App, request: &Request<B>) -> Response<Body> {
    if let Err(refused) = windlass_api::authenticate(&app.store, request.headers()) {
        return answer(refused.kind().status(), TEXT, format!("{}\n", refused.message(Form::Bare)));
    }
    let Some(peer) = request.extensions().get::<Peer>() else {
        return answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "Nothing is known of the client.\n");
    };
    let seen = Seen {
        host: host_of(request.uri(), request.headers()).unwrap_or_default().to_owned(),
        secure: peer.secure,
        address: peer.address,
        public_url: app.site.public_url.clone(),
    };
    match serde_json::to_vec(&seen) {
        Ok(document) => answer(StatusCode::OK, "application/json", document),
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "It could not be told.\n"),
    }
}
