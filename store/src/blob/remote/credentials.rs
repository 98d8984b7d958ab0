//! Whose credentials blobs are kept with.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use object_store::CredentialProvider;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use windlass_config::Secret;

use crate::blob::blocking;
use crate::error::{Error, ErrorKind, Result};

/// Largest file with credentials.
const FILE_BYTES_MAX: u64 = 256 << 10;
/// The variables that tell credentials, or where a machine or container gets them.
const VARIABLES: &[(&str, AmazonS3ConfigKey)] = &[
    ("AWS_ACCESS_KEY_ID", AmazonS3ConfigKey::AccessKeyId),
    ("AWS_SECRET_ACCESS_KEY", AmazonS3ConfigKey::SecretAccessKey),
    ("AWS_SESSION_TOKEN", AmazonS3ConfigKey::Token),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_ENDPOINT_URL_STS", AmazonS3ConfigKey::StsEndpoint),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
    ("AWS_METADATA_ENDPOINT", AmazonS3ConfigKey::MetadataEndpoint),
];

/// Where credentials come from.
#[derive(Clone)]
pub enum CredentialSource {
    /// They are these.
    Given {
        /// Access key id.
        access_key_id: String,
        /// Secret access key.
        secret: Secret,
    },
    /// A file as the tools of AWS have it, read again when it changes.
    File {
        /// The file.
        path: PathBuf,
        /// Whose of those in it.
        profile: String,
    },
    /// Environment variables as the tools of AWS have them; without any, what the machine or container is given.
    Environment(Vec<(String, String)>),
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given { .. } => "Given",
            Self::File { .. } => "File",
            Self::Environment(_) => "Environment",
        })
    }
}

impl CredentialSource {
    /// Has requests made with them. `InvalidRequest` if they cannot be read.
    pub(super) fn give(&self, builder: AmazonS3Builder) -> Result<AmazonS3Builder> {
        Ok(match self {
            Self::Given { access_key_id, secret } => {
                builder.with_access_key_id(access_key_id).with_secret_access_key(secret.expose())
            }
            Self::File { path, profile } => {
                let file = Watched { path: path.clone(), profile: profile.clone(), known: Mutex::default() };
                file.read()?;
                builder.with_credentials(Arc::new(Shared(Arc::new(file))))
            }
            Self::Environment(variables) => VARIABLES.iter().fold(builder, |builder, (name, key)| {
                match variables.iter().find(|(given, value)| given == name && !value.is_empty()) {
                    Some((_, value)) => builder.with_config(*key, value),
                    None => builder,
                }
            }),
        })
    }
}

/// A file that is read again when it was written to.
struct Watched {
    path: PathBuf,
    profile: String,
    known: Mutex<Option<(SystemTime, Arc<AwsCredential>)>>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Watched {
    fn read(&self) -> Result<Arc<AwsCredential>> {
        let refuse = |why: &str| Error::new(ErrorKind::InvalidRequest, format!("{} {why}", self.path.display()));
        let unreadable = |error| refuse("cannot be read.").because(error);
        let changed = self.path.metadata().and_then(|metadata| metadata.modified()).map_err(unreadable)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, credential)) = &*known
            && *of == changed
        {
            return Ok(Arc::clone(credential));
        }
        let text = read_text(&self.path).map_err(unreadable)?;
        let read = of_profile(&text, &self.profile)
            .ok_or_else(|| refuse(&format!("has no credentials of the profile {:?}.", self.profile)))?;
        let read = Arc::new(read);
        *known = Some((changed, Arc::clone(&read)));
        Ok(read)
    }
}

/// Hands the file to threads that may block.
#[derive(Debug)]
struct Shared(Arc<Watched>);

#[async_trait]
impl CredentialProvider for Shared {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let file = Arc::clone(&self.0);
        let read = blocking(move || file.read()).await;
        read.map_err(|error| object_store::Error::Generic { store: "credentials", source: Box::new(error) })
    }
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// The credentials of a profile: `name = value` lines behind its `[profile]`.
fn of_profile(text: &str, profile: &str) -> Option<AwsCredential> {
    let mut is_wanted = false;
    let [mut key_id, mut secret_key, mut token] = [const { None }; 3];
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            is_wanted = name.trim() == profile;
        } else if let Some((name, value)) = line.split_once('=').filter(|_| is_wanted && !line.starts_with(['#', ';']))
        {
            let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
            match name.trim() {
                "aws_access_key_id" => key_id = value,
                "aws_secret_access_key" => secret_key = value,
                "aws_session_token" => token = value,
                _ => {}
            }
        }
    }
    Some(AwsCredential { key_id: key_id?, secret_key: secret_key?, token })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# comment\n[default]\naws_access_key_id = A\naws_secret_access_key=S\n\n[ other ]\n\
                        aws_access_key_id=B\n;aws_session_token = no\naws_secret_access_key = T==\naws_session_token = U\n[half]\naws_access_key_id=C";

    fn read(profile: &str) -> Option<(String, String, Option<String>)> {
        of_profile(TEXT, profile).map(|read| (read.key_id, read.secret_key, read.token))
    }

    #[test]
    fn a_profile_is_read_from_its_section_alone() {
        assert_eq!(read("default"), Some(("A".into(), "S".into(), None)));
        assert_eq!(read("other"), Some(("B".into(), "T==".into(), Some("U".into()))));
        assert_eq!(read("half"), None);
        assert_eq!(read("none"), None);
    }

    #[test]
    fn a_file_is_read_again_when_it_changes_and_refused_when_it_is_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        let file = Watched { path: path.clone(), profile: "default".to_owned(), known: Mutex::default() };
        assert_eq!(file.read().unwrap_err().kind(), ErrorKind::InvalidRequest);
        std::fs::write(&path, TEXT).unwrap();
        assert_eq!(file.read().unwrap().key_id, "A");
        std::fs::write(&path, TEXT.replace("= A", "= Z")).unwrap();
        let later = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(5_000_000_000);
        File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert_eq!(file.read().unwrap().key_id, "Z");
    }

    #[test]
    fn secrets_do_not_print() {
        let given = CredentialSource::Given { access_key_id: "hide".into(), secret: Secret::new("hide") };
        let environment = CredentialSource::Environment(vec![("AWS_SECRET_ACCESS_KEY".into(), "hide".into())]);
        assert!(!format!("{given:?} {environment:?}").contains("hide"));
    }
}
