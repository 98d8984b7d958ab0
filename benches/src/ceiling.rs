//! A bare HTTP server on the same library and runtime as the gateway, which does nothing: what no gateway on them can exceed.
//!
//! GET and HEAD are answered with one static body, PUT by reading the body and dropping it.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::Failure;

/// Serves until the process is ended.
pub(crate) fn run(listen: SocketAddr, size: usize) -> Result<(), Failure> {
    let body = Bytes::from(vec![0x5A; size]);
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind(listen).await?;
        println!("ceiling: listening on http://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let body = body.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(request, body.clone()));
                // A client that goes away is no failure.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    })
}

async fn answer(request: Request<Incoming>, body: Bytes) -> Result<Response<Full<Bytes>>, Infallible> {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut taken = request.into_body();
    let mut whole = true;
    while let Some(frame) = taken.frame().await {
        whole &= frame.is_ok();
    }
    let mut answer = Response::new(Full::new(if reads { body } else { Bytes::new() }));
    if !whole {
        *answer.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(answer)
}
