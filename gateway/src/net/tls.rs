//! TLS on the listener: the certificate and its key, read at the start, and again whenever they change or SIGHUP comes.
//!
//! A pair that cannot be used is told in the log and the one before it stays: while the two files are being replaced one after
//! the other they do not belong together for a moment, and the last change of either is looked at again.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// What is spoken within TLS, the better first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];
/// Larger than any chain of certificates.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// What a key's file must not let others do: its group may read it, as keys that several services share are kept.
const KEY_MODE_REFUSED: u32 = 0o037;

/// Why a pair cannot be used. Never quotes what is in the files.
#[derive(Debug)]
pub(crate) struct TlsFault(String);

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsFault {}

/// The files of a certificate and its key.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    cert: PathBuf,
    key: PathBuf,
}

/// How TLS is spoken now. Cheap to clone; clones see what a `Watcher` reads.
#[derive(Clone)]
pub(crate) struct Tls(watch::Receiver<Arc<ServerConfig>>);

impl Tls {
    /// For one connection.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0.borrow()))
    }
}

/// What of a file changes when it is written or replaced.
type Stamp = Option<(SystemTime, u64, u64)>;

/// Reads a pair again when it changes.
pub(crate) struct Watcher {
    pair: Pair,
    interval: Duration,
    stamps: [Stamp; 2],
    asked: Signal,
    current: watch::Sender<Arc<ServerConfig>>,
}

impl Pair {
    /// A chain of certificates and the private key of its first, both as PEM.
    pub(crate) fn new(cert: &Path, key: &Path) -> Self {
        Self { cert: cert.to_owned(), key: key.to_owned() }
    }

    /// Reads the pair, which must be sound. From now on SIGHUP is taken for a wish to have it read again. Needs a runtime.
    pub(crate) fn open(self, interval: Duration) -> Result<(Tls, Watcher), TlsFault> {
        let asked = signal(SignalKind::hangup());
        let asked = asked.map_err(|error| TlsFault(format!("SIGHUP cannot be received: {error}")))?;
        let stamps = self.stamps();
        let (current, reader) = watch::channel(Arc::new(self.config()?));
        Ok((Tls(reader), Watcher { pair: self, interval, stamps, asked, current }))
    }

    /// Whether the pair is sound.
    pub(crate) fn check(&self) -> Result<(), TlsFault> {
        self.config().map(drop)
    }

    fn stamps(&self) -> [Stamp; 2] {
        [&self.cert, &self.key].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
        })
    }

    fn config(&self) -> Result<ServerConfig, TlsFault> {
        let fault = |path: &Path, what: &dyn fmt::Display| TlsFault(format!("{}: {what}", path.display()));
        let (text, _) = read(&self.cert).map_err(|error| fault(&self.cert, &error))?;
        let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<_, _>>()
            .map_err(|_| fault(&self.cert, &"not well-formed PEM"))?;
        if certificates.is_empty() {
            return Err(fault(&self.cert, &"holds no certificate in PEM"));
        }
        let (text, metadata) = read(&self.key).map_err(|error| fault(&self.key, &error))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & KEY_MODE_REFUSED != 0 {
            let how = format!("has mode {mode:04o}, which lets others in. Run: chmod 600 {}", self.key.display());
            return Err(fault(&self.key, &how));
        }
        // The parser's error could quote the file.
        let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| fault(&self.key, &"holds no private key in PEM"))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .and_then(|config| config.with_no_client_auth().with_single_cert(certificates, key));
        let mut config = config.map_err(|error| {
            let (cert, key) = (self.cert.display(), self.key.display());
            TlsFault(format!("the certificate {cert} and the key {key} cannot be used together: {error}"))
        })?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        // What comes before the handshake has ended can be sent again by whoever recorded it.
        config.max_early_data_size = 0;
        config.send_half_rtt_data = false;
        Ok(config)
    }
}

fn read(path: &Path) -> io::Result<(Vec<u8>, Metadata)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let mut text = Vec::new();
    file.take(FILE_BYTES_MAX).read_to_end(&mut text)?;
    Ok((text, metadata))
}

impl Watcher {
    /// Watches until `stop` turns true.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            let forced = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                _ = self.asked.recv() => true,
                () = tokio::time::sleep(self.interval) => false,
            };
            let pair = self.pair.clone();
            let before = self.stamps;
            let looked = tokio::task::spawn_blocking(move || {
                let stamps = pair.stamps();
                (stamps, (forced || stamps != before).then(|| pair.config()))
            });
            // It was cut, or panicked, which the log tells.
            let Ok((stamps, read)) = looked.await else { continue };
            // A pair that was refused is told once, not on every look.
            self.stamps = stamps;
            match read {
                Some(Ok(config)) => {
                    self.current.send_replace(Arc::new(config));
                    tracing::info!("the certificate and its key were read anew");
                }
                Some(Err(fault)) => {
                    tracing::error!(%fault, "the changed certificate is not used; the one before stays")
                }
                None => {}
            }
        }
    }
}
