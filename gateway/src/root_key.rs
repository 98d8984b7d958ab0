//! Tells the root key that the first start made: once, to a person at a terminal or to a file that only its owner reads.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use windlass_store::key::Credentials;

/// The file, in the data folder.
const FILE: &str = "root-credentials.txt";

/// Where a root key can be told.
pub(crate) enum Told {
    /// On standard error, which is a terminal.
    Terminal,
    /// In this file.
    File(PathBuf),
}

impl Told {
    /// The terminal if there is one, else the file in the data folder.
    pub(crate) fn choose(data: &Path) -> Self {
        if io::stderr().is_terminal() { Self::Terminal } else { Self::File(data.join(FILE)) }
    }

    /// Tells the key. The log never sees it.
    pub(crate) fn tell(&self, key: &Credentials, endpoint: &str, region: &str) -> io::Result<()> {
        let text = text(key, endpoint, region);
        match self {
            Self::Terminal => io::stderr().write_all(text.as_bytes()),
            Self::File(path) => {
                write(path, &text)?;
                writeln!(
                    io::stderr(),
                    "windlass: a root key was made; read it in {} and delete the file",
                    path.display()
                )
            }
        }
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// The key, and settings that are ready to paste into the usual clients.
fn text(key: &Credentials, endpoint: &str, region: &str) -> String {
    let Credentials { access_key_id: id, secret_access_key: secret, token } = key;
    let token = token.as_deref().unwrap_or("none");
    format!(
        "A root key was made. It is told here and nowhere else: keep it.

access key id      {id}
secret access key  {secret}
token              {token}

AWS CLI and SDKs, by environment:

    export AWS_ACCESS_KEY_ID={id}
    export AWS_SECRET_ACCESS_KEY={secret}
    export AWS_DEFAULT_REGION={region}
    export AWS_ENDPOINT_URL={endpoint}
    aws s3 mb s3://my-bucket

boto3:

    import boto3
    s3 = boto3.client(
        \"s3\",
        endpoint_url=\"{endpoint}\",
        region_name=\"{region}\",
        aws_access_key_id=\"{id}\",
        aws_secret_access_key=\"{secret}\",
    )

rclone, in rclone.conf:

    [windlass]
    type = s3
    provider = Other
    endpoint = {endpoint}
    region = {region}
    access_key_id = {id}
    secret_access_key = {secret}

"
    )
}

/// Where a client on this machine finds a gateway, also when it listens on all addresses.
pub(crate) fn endpoint(mut address: SocketAddr, secure: bool) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { [0, 0, 0, 0, 0, 0, 0, 1].into() });
    }
    format!("{}://{address}", if secure { "https" } else { "http" })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_file_is_its_owner_s_alone_and_never_written_twice() {
        let folder = tempfile::tempdir().unwrap();
        let told = Told::File(folder.path().join(FILE));
        let key = Credentials::generate().unwrap();
        let told_endpoint = endpoint("0.0.0.0:9000".parse().unwrap(), false);
        told.tell(&key, &told_endpoint, "eu-test-1").unwrap();
        let path = folder.path().join(FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        for part in [&key.access_key_id, &key.secret_access_key, "http://127.0.0.1:9000", "eu-test-1"] {
            assert!(text.contains(part), "{part}");
        }
        assert_eq!(told.tell(&key, &told_endpoint, "eu-test-1").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
