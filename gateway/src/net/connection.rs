//! One connection, and every limit that HTTP has on it.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

use super::io::{Activity, Awaited, Watched};
use super::turns::{InTurn, Turns};
use super::{Peer, Tls, greeting};
use crate::app::App;
use crate::door::{Door, Entrance};

/// Read ahead of a request's body, and buffered of an answer's, on one HTTP/1 connection.
const HTTP1_BUFFER_BYTES: usize = 256 << 10;
/// Bytes a client may send on one HTTP/2 stream before we have taken them.
const HTTP2_STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// The same for all streams of a connection together.
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 4 << 20;
/// Largest frame we take.
const HTTP2_FRAME_BYTES: u32 = 64 << 10;
/// Buffered of the answer of one stream.
const HTTP2_SEND_BUFFER_BYTES: usize = 256 << 10;
/// Streams that a client may reset before we have seen them (CVE-2023-44487, "rapid reset").
const HTTP2_PENDING_RESETS: usize = 20;
/// Streams that we may reset because of a client's errors before the connection is closed.
const HTTP2_LOCAL_RESETS: usize = 1_024;

/// A connection that is to close is given up when nothing has moved on it for this many idle timeouts: only an HTTP/2
/// client that neither takes its answers nor leaves comes to that.
const GIVE_UP_AFTER: u32 = 5;

/// Bounds on connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Connections open at once.
    pub(crate) connections: usize,
    /// Requests at once on one HTTP/2 connection.
    pub(crate) streams: u32,
    /// Bytes of one request's line and headers.
    pub(crate) header_bytes: usize,
    /// Headers of one request.
    pub(crate) headers: usize,
    /// For a request's headers to arrive; the handshake of TLS counts as part of the first request's.
    pub(crate) header_timeout: Duration,
    /// For a client to take any byte of an answer.
    pub(crate) write_timeout: Duration,
    /// After which a connection on which nothing moves is closed.
    pub(crate) idle_timeout: Duration,
}

/// How HTTP is spoken: every limit of hyper, stated.
pub(super) fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        // The connection does that itself: hyper's would set a timer anew for each request, and end who is only idle.
        .header_read_timeout(None)
        .max_headers(limits.headers)
        // The door holds requests to `header_bytes`; this only has to be enough for them, and for fast bodies.
        .max_buf_size(HTTP1_BUFFER_BYTES.max(limits.header_bytes))
        .keep_alive(true)
        // A client that shuts its side down before it has read the answer has gone; nobody needs the rest.
        .half_close(false)
        .pipeline_flush(false)
        .ignore_invalid_headers(false)
        .title_case_headers(false)
        .preserve_header_case(false)
        .auto_date_header(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
        .adaptive_window(false)
        .max_frame_size(HTTP2_FRAME_BYTES)
        .max_send_buf_size(HTTP2_SEND_BUFFER_BYTES)
        .max_pending_accept_reset_streams(HTTP2_PENDING_RESETS)
        .max_local_error_reset_streams(HTTP2_LOCAL_RESETS)
        // Pings of ours would only hide that a connection is idle, which is what closes it.
        .keep_alive_interval(None)
        .keep_alive_timeout(limits.idle_timeout)
        .auto_date_header(true);
    builder
}

/// What one connection needs.
pub(super) struct Connection {
    pub(super) app: Arc<App>,
    pub(super) door: Arc<Door>,
    pub(super) http: Arc<Builder<TokioExecutor>>,
    pub(super) limits: Limits,
    pub(super) tls: Option<Tls>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Connection {
    /// Serves the connection to its end.
    pub(super) async fn run(mut self, socket: TcpStream, peer: SocketAddr) {
        // Answers are written whole; waiting for more to send with them only adds delay.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let _open = Open::count(&self.app);
        let first_deadline = Instant::now() + self.limits.header_timeout;
        let activity = Arc::new(Activity::default());
        let Some(tls) = self.tls.take() else {
            let io = self.watched(socket, &activity);
            return self.speak(io, Peer::new(peer.ip(), false), first_deadline, &activity).await;
        };
        let secured = tokio::select! {
            secured = tokio::time::timeout_at(first_deadline, self.secure(&tls, socket, &activity)) => secured,
            () = stopped(self.stop.clone()) => return,
        };
        match secured.unwrap_or_else(|late| Err(late.into())) {
            Ok(Some(io)) => self.speak(io, Peer::new(peer.ip(), true), first_deadline, &activity).await,
            Ok(None) => tracing::debug!(%peer, "a client did not speak TLS"),
            Err(error) => {
                self.app.metrics.connections.handshake_failures.add(1);
                tracing::debug!(%peer, %error, "a TLS handshake failed");
            }
        }
    }

    fn watched(&self, socket: TcpStream, activity: &Arc<Activity>) -> Watched {
        Watched::new(socket, Arc::clone(&self.app), Arc::clone(activity), self.limits.write_timeout)
    }

    /// The TLS handshake. `None` if the client speaks plain HTTP, and was told of it, or says nothing at all.
    async fn secure(
        &self,
        tls: &Tls,
        socket: TcpStream,
        activity: &Arc<Activity>,
    ) -> std::io::Result<Option<TlsStream<Watched>>> {
        match greeting::is_tls(&socket).await? {
            Some(true) => tls.acceptor().accept(self.watched(socket, activity)).await.map(Some),
            Some(false) => greeting::refuse_plain(socket).await.map(|()| None),
            None => Ok(None),
        }
    }

    /// Speaks HTTP until the client leaves or is left. The first request must have come by `first_deadline`.
    async fn speak<I>(mut self, io: I, peer: Peer, first_deadline: Instant, activity: &Arc<Activity>)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let entrance = Entrance::new(Arc::clone(&self.door), peer, Arc::clone(activity));
        let service = service_fn(|request: Request<Incoming>| {
            activity.asked(request.version());
            let entrance = Arc::clone(&entrance);
            async move { Ok::<_, Infallible>(entrance.answer(request).await) }
        });
        let turns = Turns::default();
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(InTurn::new(io, turns.clone())), service));
        let mut closing = false;
        loop {
            let (awaited, idle) = (activity.awaited(), self.limits.idle_timeout);
            let deadline = move |awaited| match awaited {
                Awaited::First => first_deadline,
                Awaited::Head(since) => since + self.limits.header_timeout,
                Awaited::Other if closing => activity.last() + idle * GIVE_UP_AFTER,
                Awaited::Other => activity.last() + idle,
            };
            let ended = poll_fn(|cx| {
                turns.next();
                match connection.as_mut().poll(cx) {
                    Poll::Ready(ended) => Poll::Ready(Some(ended)),
                    // A head that came in part: it is awaited for less long.
                    Poll::Pending if activity.awaited() != awaited && activity.awaited().is_head() => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            });
            // In a set of its own it is polled when it was woken, and not with every request.
            let told = told(&mut self.stop, closing, deadline(awaited));
            let mut told = pin!(FuturesUnordered::from_iter([told]));
            tokio::select! {
                biased;
                ended = ended => match ended {
                    Some(ended) => {
                        if let Err(error) = ended {
                            tracing::debug!(peer = %peer.address, %error, "a connection ended early");
                        }
                        break;
                    }
                    None => continue,
                },
                Some(told) = told.next() => if told == Told::Late {
                    let awaited = activity.awaited();
                    if deadline(awaited) > Instant::now() {
                        continue;
                    }
                    if closing || awaited != Awaited::Other {
                        break;
                    }
                }
            }
            // Requests that run are finished, and no new ones taken.
            closing = true;
            connection.as_mut().graceful_shutdown();
        }
    }
}

/// What a connection is told from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// The gateway ends.
    Stop,
    /// What was awaited has not come in time.
    Late,
}

/// Waits for a deadline, and until a connection closes for the end of the gateway.
async fn told(stop: &mut watch::Receiver<bool>, closing: bool, deadline: Instant) -> Told {
    tokio::select! {
        _ = stop.wait_for(|stop| *stop), if !closing => Told::Stop,
        () = tokio::time::sleep_until(deadline) => Told::Late,
    }
}

/// Waits for the end of the gateway.
async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Counts a connection for as long as it is open.
struct Open(Arc<App>);

impl Open {
    fn count(app: &Arc<App>) -> Self {
        app.metrics.connections.accepted.add(1);
        app.metrics.connections.open.add(1);
        Self(Arc::clone(app))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.connections.open.sub(1);
    }
}
