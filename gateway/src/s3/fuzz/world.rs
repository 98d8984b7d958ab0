//! A door with some buckets and objects behind it, for requests that are authenticated already.

use std::path::Path;

use futures::StreamExt as _;
use http::{Method, Request, Response, StatusCode};
use s3s::Body;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use windlass_store::bootstrap::Bootstrap;
use windlass_store::key::Credentials;
use windlass_store::policy::Principal;
use windlass_store::{Store, StoreOptions};

use crate::net::Domains;
use crate::s3::answer::Asked;
use crate::s3::bearer::Errors;
use crate::s3::gate::Gate;
use crate::s3::guard::{self, Proof, Rules};
use crate::s3::{S3Door, S3Settings, post, refusal};

/// Requests after which everything begins anew, so that what is stored stays little.
const REQUESTS_MAX: usize = 20_000;

/// Buckets: `bucket` has an object `key` and an open upload of `up`, and takes access control lists; `locked` keeps versions
/// that can be locked; `versions` and `owned` are empty.
pub(in crate::s3) struct World {
    runtime: Runtime,
    built: Option<Built>,
    left: usize,
}

struct Built {
    door: S3Door,
    root: Principal,
    upload: String,
    _data: TempDir,
}

/// An answer, read to its end.
pub(in crate::s3) struct Answer {
    pub(in crate::s3) status: StatusCode,
    pub(in crate::s3) body: Vec<u8>,
}

impl World {
    pub(in crate::s3) fn new() -> Self {
        Self { runtime: Builder::new_current_thread().enable_all().build().unwrap(), built: None, left: 0 }
    }

    /// Builds it anew where it is time for that, or where something needs it as it was.
    pub(in crate::s3) fn renew(&mut self, now: bool) {
        self.left = self.left.saturating_sub(1);
        if self.left == 0 || now {
            drop(self.built.take());
            self.built = Some(self.runtime.block_on(build()));
            self.left = REQUESTS_MAX;
        }
    }

    /// The identifier of the open upload.
    pub(in crate::s3) fn upload(&self) -> &str {
        &self.built.as_ref().unwrap().upload
    }

    /// Asks as the root key. An answer that says that the gateway has failed is a promise that is broken.
    pub(in crate::s3) fn ask(&self, request: Request<Body>) -> Answer {
        let Built { door, root, .. } = self.built.as_ref().unwrap();
        let answer = self.runtime.block_on(ask(door, root.clone(), request));
        assert_ne!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", String::from_utf8_lossy(&answer.body));
        answer
    }

    /// Sends a form, as somebody who is known by what is in it.
    pub(in crate::s3) fn post(&self, request: Request<Body>) -> Answer {
        let Built { door, .. } = self.built.as_ref().unwrap();
        let answer = self.runtime.block_on(async {
            let (mut parts, body) = request.into_parts();
            let target = door.host.target(&parts);
            parts.extensions.insert(target);
            let request = Request::from_parts(parts, body);
            read(post::answer(&door.gate, &door.store, true, request).await).await
        });
        assert_ne!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", String::from_utf8_lossy(&answer.body));
        answer
    }
}

/// The code of an error, or nothing.
pub(in crate::s3) fn code(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map(|(code, _)| code.to_owned()).unwrap_or_default()
}

async fn build() -> Built {
    let data = tempfile::tempdir().unwrap();
    let (store, root) = store(data.path()).await;
    let domains = Domains::new(&["s3.test".to_owned(), "eu.s3.test".to_owned()]);
    let settings = S3Settings {
        domains,
        sites: Domains::new(&[]),
        region: "us-east-1".to_owned(),
        sigv2_presigned: true,
        body_idle: std::time::Duration::from_secs(60),
        day_ms: 86_400_000,
        ownership: windlass_store::policy::Ownership::Enforced,
        targets: vec!["hook".to_owned()],
    };
    let mut built = Built { door: S3Door::new(store, settings), root, upload: String::new(), _data: data };
    let lists = "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";
    let lock = [("x-amz-bucket-object-lock-enabled", "true")];
    for (method, target, headers, body) in [
        (Method::PUT, "/bucket", &[][..], ""),
        (Method::PUT, "/locked", &lock[..], ""),
        (Method::PUT, "/versions", &[], ""),
        (Method::PUT, "/owned", &[], ""),
        (Method::PUT, "/bucket?ownershipControls", &[], lists),
        (Method::PUT, "/bucket/key", &[], "body"),
        (Method::PUT, "/locked/key", &[], "body"),
        (Method::POST, "/bucket/up?uploads", &[], ""),
    ] {
        let answer = ask(&built.door, built.root.clone(), request(&method, target, headers, body)).await;
        let text = String::from_utf8(answer.body).unwrap();
        assert!(answer.status.is_success(), "{target}: {text}");
        if let Some((_, rest)) = text.split_once("<UploadId>") {
            built.upload = rest.split_once('<').unwrap().0.to_owned();
        }
    }
    let part = format!("/bucket/up?partNumber=1&uploadId={}", built.upload);
    let answer = ask(&built.door, built.root.clone(), request(&Method::PUT, &part, &[], "part")).await;
    assert!(answer.status.is_success());
    built
}

async fn store(folder: &Path) -> (std::sync::Arc<Store>, Principal) {
    let options = StoreOptions { ephemeral: true, ..StoreOptions::new(folder.join("data")) };
    let store = Store::open(options).unwrap();
    let credentials = Credentials::generate().unwrap();
    let id = credentials.access_key_id.clone();
    store.bootstrap(Bootstrap { root: Some(credentials), ..Bootstrap::default() }).await.unwrap();
    let (root, _) = store.key_by_access_id(&id).unwrap().unwrap();
    (store, Principal::Key(root))
}

fn request(method: &Method, target: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let builder =
        Request::builder().method(method).uri(target).header("host", "h").header("content-length", body.len());
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(Body::from(body.to_owned())).unwrap()
}

/// What a request passes behind its signature: the guard, the gate and the form of the answer.
async fn ask(door: &S3Door, root: Principal, request: Request<Body>) -> Answer {
    let (mut parts, body) = request.into_parts();
    let target = door.host.target(&parts);
    let asked = Asked {
        head: parts.method == Method::HEAD,
        path: parts.uri.path().to_owned(),
        host: "h".to_owned(),
        target: target.clone(),
        request_id: "id".to_owned(),
        region: door.region.clone(),
        errors: Errors::of(&parts),
    };
    let rules = Rules { sigv2_presigned: true, unheard: true };
    let answer = match guard::check(&mut parts, &target, rules) {
        Err(error) => refusal(error),
        Ok(Proof::Form) => refusal(crate::s3::error::refuse("MethodNotAllowed", "A form")),
        Ok(Proof::Signature | Proof::Token) => {
            parts.extensions.insert(target);
            enter(&door.gate, root, Request::from_parts(parts, body)).await
        }
    };
    read(asked.finish(answer)).await
}

async fn enter(gate: &Gate, root: Principal, request: Request<Body>) -> Response<Body> {
    gate.enter(root, request).await.unwrap_or_else(refusal)
}

async fn read(answer: Response<Body>) -> Answer {
    let (parts, mut body) = answer.into_parts();
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        bytes.extend_from_slice(&piece.expect("an answer is read to its end"));
    }
    Answer { status: parts.status, body: bytes }
}
