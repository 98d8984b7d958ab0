//! A proxy before an upstream, which does to requests what networks and providers do to them: late, cut, refused,
//! redirected, damaged, or carried out without an answer.
//!
//! It takes one request on each connection, and passes bytes on as they come. The host that a request names is left as it
//! is, so signatures hold, unless it is to be changed.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Longest head of a request or an answer.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Bytes passed on at once.
const PIECE_BYTES: usize = 64 << 10;

/// What is done to a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection is reset before anything is read of it.
    Refused,
    /// The request is read, and never answered.
    Stalled,
    /// The request waits before it goes on.
    Late(Duration),
    /// The connection is reset after so many bytes of the request's body; upstream sees them and a cut.
    CutRequest(usize),
    /// A bit of the request's body is flipped at this place.
    Damaged(usize),
    /// Upstream carries the request out, and the connection is reset instead of an answer.
    Unanswered,
    /// The answer's body ends after so many bytes.
    CutAnswer(usize),
    /// The answer's body comes in pieces of so many bytes, with this time between them.
    Slow(usize, Duration),
    /// A bit of the answer's body is flipped at this place.
    Flipped(usize),
    /// The answer's ETag is that of something else.
    WrongEtag,
    /// The request names this host in place of its own.
    Renamed(&'static str),
    /// The answer is of this date.
    Dated(&'static str),
    /// Upstream never sees the request; this is the answer: a status, and an S3 error code.
    Answered(u16, &'static str),
    /// Upstream never sees the request; it is told to be at another place.
    Redirected(&'static str),
}

/// A request that came through, or was kept from coming through.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Its method and target, such as `GET /bucket/key?uploads`.
    pub line: String,
    head: String,
}

impl Seen {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(':'));
        fields.filter(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }
}

type Wanted = Box<dyn Fn(&Seen) -> bool + Send>;

struct Rule {
    wanted: Wanted,
    fault: Fault,
    /// How often it still applies.
    left: usize,
}

struct Shared {
    upstream: Mutex<SocketAddr>,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
    cut: Notify,
}

/// A running proxy; it ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// A proxy on a free port before `upstream`, without any fault yet.
    pub async fn before(upstream: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the listener has an address");
        let shared = Arc::new(Shared {
            upstream: Mutex::new(upstream),
            rules: Mutex::default(),
            seen: Mutex::default(),
            cut: Notify::new(),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Proxy { address, shared, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads to another address from now on.
    pub fn lead_to(&self, upstream: SocketAddr) {
        *locked(&self.shared.upstream) = upstream;
    }

    /// Does this to every request that is wanted, until `heal`. The rule that was added first counts.
    pub fn always(&self, wanted: impl Fn(&Seen) -> bool + Send + 'static, fault: Fault) {
        self.times(usize::MAX, wanted, fault);
    }

    /// Does this to the next request that is wanted.
    pub fn once(&self, wanted: impl Fn(&Seen) -> bool + Send + 'static, fault: Fault) {
        self.times(1, wanted, fault);
    }

    /// Does this to the next so many requests that are wanted.
    pub fn times(&self, times: usize, wanted: impl Fn(&Seen) -> bool + Send + 'static, fault: Fault) {
        locked(&self.shared.rules).push(Rule { wanted: Box::new(wanted), fault, left: times });
    }

    /// Cuts all connections, and refuses every one until `heal`.
    pub fn cut(&self) {
        self.always(|_| true, Fault::Refused);
        self.shared.cut.notify_waiters();
    }

    /// Forgets all faults.
    pub fn heal(&self) {
        locked(&self.shared.rules).clear();
    }

    /// The requests so far, those with a fault too; they are forgotten.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *locked(&self.shared.seen))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    /// Takes note of a request; what is to be done to it.
    fn meet(&self, seen: Seen) -> Option<Fault> {
        let mut rules = locked(&self.rules);
        let rule = rules.iter_mut().find(|rule| rule.left > 0 && (rule.wanted)(&seen));
        let fault = rule.map(|rule| {
            rule.left -= 1;
            rule.fault.clone()
        });
        locked(&self.seen).push(seen);
        fault
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let _ = client.set_nodelay(true);
            let cut = shared.cut.notified();
            let mut client = client;
            tokio::select! {
                // What becomes of a connection is for the two sides to see.
                _ = serve(&shared, &mut client) => {}
                () = cut => reset(&client),
            }
        });
    }
}

/// Has the connection end with a reset when it is dropped.
fn reset(client: &TcpStream) {
    let _ = client.set_zero_linger();
}

async fn serve(shared: &Shared, client: &mut TcpStream) -> io::Result<()> {
    let Some((head, rest)) = read_head(client).await? else { return Ok(()) };
    let line = head.lines().next().unwrap_or_default().rsplit_once(' ').map_or("", |(line, _)| line).to_owned();
    let fault = shared.meet(Seen { line, head: head.clone() });
    match &fault {
        Some(Fault::Refused) => {
            reset(client);
            return Ok(());
        }
        Some(Fault::Stalled) => return until_gone(client).await,
        Some(Fault::Late(time)) => tokio::time::sleep(*time).await,
        Some(Fault::Answered(status, code)) => {
            let body = format!("<Error><Code>{code}</Code><Message>a fault of the test's</Message></Error>");
            return answer(client, *status, "", &body).await;
        }
        Some(Fault::Redirected(location)) => {
            let location = format!("location: {location}\r\nx-amz-bucket-region: eu-west-1\r\n");
            return answer(client, 307, &location, "").await;
        }
        _ => {}
    }
    let address = *locked(&shared.upstream);
    let mut upstream = TcpStream::connect(address).await?;
    upstream.set_nodelay(true)?;
    let head = match &fault {
        Some(Fault::Renamed(host)) => with_field(&head, "host", host),
        _ => head,
    };
    upstream.write_all(closing(&head).as_bytes()).await?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_upstream, mut to_upstream) = upstream.split();
    let request = async {
        let mut left = if let Some(Fault::CutRequest(bytes)) = &fault { *bytes } else { usize::MAX };
        let mut piece = rest;
        let mut passed = 0;
        loop {
            piece.truncate(left);
            if let Some(Fault::Damaged(at)) = &fault {
                flip(&mut piece, *at, passed);
            }
            passed += piece.len();
            to_upstream.write_all(&piece).await?;
            left -= piece.len();
            if left == 0 {
                return Ok(());
            }
            piece.resize(PIECE_BYTES, 0);
            let read = from_client.read(&mut piece).await?;
            if read == 0 {
                return io::Result::Ok(());
            }
            piece.truncate(read);
        }
    };
    // The request ends first only if the client has gone, or is to be cut.
    let cut = tokio::select! {
        ended = request => ended.map(|()| matches!(fault, Some(Fault::CutRequest(_)))),
        ended = pass_answer(&mut from_upstream, &mut to_client, fault.as_ref()) => ended,
    }?;
    if cut {
        reset(client);
    }
    Ok(())
}

/// Passes an answer on, with what is to be done to it; says whether the connection is to be reset.
async fn pass_answer(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    fault: Option<&Fault>,
) -> io::Result<bool> {
    if matches!(fault, Some(Fault::Unanswered)) {
        let mut answer = Vec::new();
        from.read_to_end(&mut answer).await?;
        return Ok(true);
    }
    let Some((mut head, mut piece)) = read_head(from).await? else { return Ok(false) };
    match fault {
        Some(Fault::WrongEtag) => head = with_field(&head, "etag", "\"00000000000000000000000000000000\""),
        Some(Fault::Dated(date)) => head = with_field(&head, "date", date),
        _ => {}
    }
    to.write_all(head.as_bytes()).await?;
    let mut passed = 0;
    loop {
        match fault {
            Some(Fault::CutAnswer(bytes)) if passed + piece.len() >= *bytes => {
                piece.truncate(bytes - passed);
                return to.write_all(&piece).await.map(|()| false);
            }
            Some(Fault::Slow(bytes, time)) => {
                for drop in piece.chunks(*bytes) {
                    to.write_all(drop).await?;
                    tokio::time::sleep(*time).await;
                }
            }
            Some(Fault::Flipped(at)) => {
                flip(&mut piece, *at, passed);
                to.write_all(&piece).await?;
            }
            _ => to.write_all(&piece).await?,
        }
        passed += piece.len();
        piece.resize(PIECE_BYTES, 0);
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return Ok(false);
        }
        piece.truncate(read);
    }
}

/// Flips a bit at a place of a body of which so many bytes have passed before this piece.
fn flip(piece: &mut [u8], at: usize, passed: usize) {
    if let Some(byte) = at.checked_sub(passed).and_then(|at| piece.get_mut(at)) {
        *byte ^= 1;
    }
}

/// Reads up to the empty line; what came after it is the second. `None` if the connection ends before.
async fn read_head(from: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; PIECE_BYTES];
    while bytes.len() < HEAD_BYTES_MAX {
        let read = from.read(&mut piece).await?;
        if read == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&piece[..read]);
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok(Some((String::from_utf8_lossy(&bytes).into_owned(), rest)));
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "the head is too long"))
}

/// The head of a request that is the connection's last.
fn closing(head: &str) -> String {
    let (line, fields) = head.split_once("\r\n").unwrap_or((head, ""));
    let fields = fields.split_inclusive("\r\n").filter(|field| !field.to_ascii_lowercase().starts_with("connection:"));
    format!("{line}\r\nconnection: close\r\n{}", fields.collect::<String>())
}

/// A head whose field of that name, if it has one, has another value.
fn with_field(head: &str, name: &str, value: &str) -> String {
    let changed = |field: &str| {
        let is_it = field.split_once(':').is_some_and(|(of, _)| of.eq_ignore_ascii_case(name));
        if is_it { format!("{name}: {value}\r\n") } else { field.to_owned() }
    };
    head.split_inclusive("\r\n").map(changed).collect()
}

/// Answers, and takes the rest of the request in until the client has gone.
async fn answer(client: &mut TcpStream, status: u16, fields: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Fault\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\nconnection: close\r\n{fields}\r\n"
    );
    client.write_all(head.as_bytes()).await?;
    client.write_all(body.as_bytes()).await?;
    client.shutdown().await?;
    until_gone(client).await
}

async fn until_gone(client: &mut TcpStream) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    while client.read(&mut piece).await? > 0 {}
    Ok(())
}
