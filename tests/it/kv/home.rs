//! Where a test of the key-value door lives: a bucket of its own, on a server without a limit for strangers.

use std::sync::{Arc, Mutex, Weak};

use windlass_tests::answer::Answer;
use windlass_tests::json::{Call, Json};
use windlass_tests::server::{DataDir, Options, Server, TOKEN};

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// The host of the shared server that is key-value's alone.
pub(crate) const HOST: &str = "kv.test";

fn shared() -> Arc<Server> {
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let config = format!("[kv]\nrate_limit = \"unlimited\"\nhosts = [\"{HOST}\"]\n");
        let server = Arc::new(Server::start_with(Options::default().config(&config), DataDir::new()));
        *shared = Arc::downgrade(&server);
        server
    })
}

/// A bucket of one's own.
pub(crate) struct Home {
    pub(crate) server: Arc<Server>,
    pub(crate) id: String,
    /// Whoever presents nothing.
    pub(crate) anybody: Json,
}

impl Home {
    /// One that was made with a form.
    pub(crate) async fn new(form: &str) -> Home {
        Home::on(shared(), form).await
    }

    pub(crate) async fn on(server: Arc<Server>, form: &str) -> Home {
        let anybody = Json::anonymous(&server.client());
        let id = make(&anybody, form).await.is(200).text().to_owned();
        Home { server, id, anybody }
    }

    /// A request for a key, or with an empty one for the bucket, by whoever presents nothing.
    pub(crate) fn call(&self, method: &str, key: &str) -> Call {
        self.anybody.call(method, &format!("/kv/{}/{key}", self.id))
    }

    /// The same by whoever presents this as Bearer.
    pub(crate) fn by(&self, credential: &str, method: &str, key: &str) -> Call {
        self.anybody.with(credential).call(method, &format!("/kv/{}/{key}", self.id))
    }

    pub(crate) async fn set(&self, key: &str, value: impl Into<bytes::Bytes>) {
        self.call("PUT", key).body(value).await.is(200).has_body("");
    }

    pub(crate) async fn get(&self, key: &str) -> Answer {
        self.call("GET", key).await
    }

    /// Claims the value that is there.
    pub(crate) async fn holds(&self, key: &str, value: &str) {
        self.get(key).await.is(200).has_body(value);
    }

    /// Claims that there is none.
    pub(crate) async fn lacks(&self, key: &str) {
        self.get(key).await.says(404, "There is no such key");
    }
}

/// Makes a bucket.
pub(crate) async fn make(by: &Json, form: &str) -> Answer {
    by.call("POST", "/kv").header("content-type", "application/x-www-form-urlencoded").body(form.to_owned()).await
}

/// A holder of the root key's token.
pub(crate) fn root(server: &Server) -> Json {
    Json::new(&server.client(), TOKEN)
}

/// Errors as this door tells them.
pub(crate) trait Says {
    /// Claims a status and the line that gives the reason.
    fn says(self, status: u16, reason: &str) -> Self;
}

impl Says for Answer {
    #[track_caller]
    fn says(self, status: u16, reason: &str) -> Self {
        self.is(status).has("content-type", "text/plain; charset=utf-8").has_body(format!("{reason}\n"))
    }
}
