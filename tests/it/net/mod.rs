//! The listener: TLS, HTTP/2, and proxies in front of it.

mod http2;
mod proxy;
mod tls;

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use windlass_tests::secure::Handshake;
use windlass_tests::server::{DataDir, Options, Server};

/// A certificate for 127.0.0.1 that signs itself, with its key: for tests alone.
fn pair(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("it/net/{name}.pem"))
}

/// A gateway that speaks TLS, and its files.
struct Secure {
    server: Server,
    files: TempDir,
}

impl Secure {
    /// With the first pair, and these settings more.
    fn start(settings: &[(&str, &str)]) -> Secure {
        let files = tempfile::tempdir().unwrap();
        install(&files, "first");
        let options = [("TLS_CERT_FILE", "cert.pem"), ("TLS_KEY_FILE", "key.pem")]
            .iter()
            .fold(Options::default(), |options, (name, file)| {
                options.env(&format!("WINDLASS_{name}"), files.path().join(file).to_str().unwrap())
            });
        let options =
            settings.iter().fold(options, |options, (name, value)| options.env(&format!("WINDLASS_{name}"), value));
        Secure { server: Server::start_with(options, DataDir::new()), files }
    }

    /// What a client that trusts the pair of that name begins with.
    fn handshake(name: &str) -> Handshake {
        Handshake::trusting(&pair(name))
    }
}

/// Puts a pair where the gateway looks for it. Each file is replaced as a whole, and the key lets in its owner alone.
fn install(files: &TempDir, name: &str) {
    let text = std::fs::read_to_string(pair(name)).unwrap();
    for file in ["cert.pem", "key.pem"] {
        write(files, file, &text);
    }
}

fn write(files: &TempDir, file: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    let next = files.path().join("next.pem");
    std::fs::write(&next, text).unwrap();
    std::fs::set_permissions(&next, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(next, files.path().join(file)).unwrap();
}
