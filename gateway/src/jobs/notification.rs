//! Tells the targets of notifications what happened, in the words of S3, until they say that they have heard it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};
use sha2::Sha256;
use tokio::sync::watch;
use windlass_config::{NotificationTarget, Settings};
use windlass_store::clock::Millis;
use windlass_store::notification::{EventRow, Told, Undelivered};
use windlass_store::{Result, Store};

use super::runner::Job;
use crate::app::App;

pub(super) const NAME: &str = "notification";

/// How often it is asked whether there is something to tell.
const POLL: Duration = Duration::from_secs(1);
/// How long a target may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Targets that are told at once.
const TARGETS_AT_ONCE: usize = 8;
/// The wait after a first failure; it doubles with each.
const FIRST_DELAY_MS: u64 = 1_000;
/// The longest wait.
const DELAY_MS_MAX: u64 = 3 * 3_600_000;

/// Carries the time and what is made of it, the body and the target's secret.
const SIGNATURE: &str = "x-windlass-signature";
/// Stays the same however often an event is told.
const EVENT_ID: &str = "x-windlass-event-id";

/// Who tells, and whom.
struct Teller {
    app: Arc<App>,
    targets: BTreeMap<String, NotificationTarget>,
    region: String,
    http: reqwest::Result<reqwest::Client>,
}

pub(super) fn job(app: &Arc<App>, settings: &Settings) -> Job {
    let targets: BTreeMap<_, _> =
        settings.notification_targets.iter().map(|target| (target.name.clone(), target.clone())).collect();
    let secure = targets.values().any(|target| target.url.starts_with("https://"));
    let teller = Teller { app: Arc::clone(app), targets, region: settings.s3.region.clone(), http: client(secure) };
    if let Err(error) = &teller.http {
        tracing::error!(%error, "targets of notifications cannot be told");
    }
    let teller = Arc::new(teller);
    Job { name: NAME, interval: POLL, run: Box::new(move |store, stop| tell(Arc::clone(&teller), store, stop).boxed()) }
}

fn client(secure: bool) -> reqwest::Result<reqwest::Client> {
    // Fails only if it has been done before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE);
    if !secure {
        // The platform's certificates need not be there, and need not be read.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

async fn tell(teller: Arc<Teller>, store: Arc<Store>, stop: watch::Receiver<bool>) -> Result<()> {
    while !*stop.borrow() {
        let due = store.due_events()?;
        if due.is_empty() {
            return Ok(());
        }
        let mut by_target: BTreeMap<String, Vec<Undelivered>> = BTreeMap::new();
        for event in due {
            by_target.entry(event.row.target.clone()).or_default().push(event);
        }
        let told = stream::iter(by_target).map(|(target, events)| teller.tell_target(target, events, store.now()));
        let settled: Vec<Vec<_>> = told.buffer_unordered(TARGETS_AT_ONCE).collect().await;
        let given_up = store.settle_events(settled.into_iter().flatten().collect()).await?;
        teller.app.metrics.notifications.given_up.add(given_up);
        if given_up > 0 {
            tracing::error!(given_up, "events were given up that no target took");
        }
    }
    Ok(())
}

impl Teller {
    /// Tells one target its events, in their order. One that fails is not asked again at once: the others wait.
    async fn tell_target(&self, name: String, events: Vec<Undelivered>, now: Millis) -> Vec<(Undelivered, Told)> {
        let mut settled = Vec::with_capacity(events.len());
        let mut wait_ms = None;
        for event in events {
            let told = match wait_ms {
                Some(wait_ms) => Told::Later(now.saturating_add(wait_ms)),
                None => match self.tell_one(&name, &event, now).await {
                    Ok(()) => {
                        self.app.metrics.notifications.delivered.add(1);
                        Told::Yes
                    }
                    Err(why) => {
                        self.app.metrics.notifications.failures.add(1);
                        let delay_ms = delay_ms(event.row.attempts);
                        tracing::warn!(target_name = name, event = %event.id, why, delay_ms, "a target was not told");
                        wait_ms = Some(FIRST_DELAY_MS);
                        Told::No(now.saturating_add(delay_ms))
                    }
                },
            };
            settled.push((event, told));
        }
        settled
    }

    /// The reason is for the log: it names neither the address, which may hold a secret, nor the body.
    async fn tell_one(&self, name: &str, event: &Undelivered, now: Millis) -> Result<(), String> {
        let target = self.targets.get(name).ok_or("there is no such target in the settings")?;
        let http = self.http.as_ref().map_err(|_| "there is no client to tell it with")?;
        let body = document(event, &self.region).to_string();
        let request = http
            .post(&target.url)
            .header(CONTENT_TYPE, "application/json")
            .header(EVENT_ID, event.id.to_string())
            .header(SIGNATURE, signature(target.secret.expose(), now / 1000, &body))
            .body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("it answered {}", answer.status().as_u16())),
            Err(error) if error.is_timeout() => Err("it did not answer in time".to_owned()),
            Err(error) if error.is_connect() => Err("it could not be reached".to_owned()),
            Err(_) => Err("the connection broke".to_owned()),
        }
    }
}

fn delay_ms(attempts: u32) -> u64 {
    FIRST_DELAY_MS.saturating_mul(1 << attempts.min(20)).min(DELAY_MS_MAX)
}

/// `t=<seconds>,v1=<hex>`: an HMAC of the time, a dot and the body, so that what was told once cannot be told later again.
fn signature(secret: &str, seconds: u64, body: &str) -> String {
    // A key of any length is a key.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{seconds}.{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

/// The event as S3 writes it (S3: "Event message structure"). What nobody knows of it is left out.
fn document(event: &Undelivered, region: &str) -> Value {
    let row: &EventRow = &event.row;
    let key: String = form_urlencoded::byte_serialize(row.key.as_bytes()).collect();
    let told = [
        ("key", Some(Value::from(key))),
        ("size", row.size.map(Value::from)),
        ("eTag", row.etag.map(|etag| Value::from(etag.to_string()))),
        ("versionId", row.version.clone().map(Value::from)),
        ("sequencer", Some(Value::from(format!("{:016X}", row.sequence)))),
    ];
    let object: Map<String, Value> =
        told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    json!({ "Records": [{
        "eventVersion": "2.3",
        "eventSource": "aws:s3",
        "awsRegion": region,
        "eventTime": windlass_config::time::print(row.at_ms),
        "eventName": row.kind.name(),
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": row.subscription,
            "bucket": {
                "name": row.bucket.as_str(),
                "ownerIdentity": { "principalId": row.owner.to_string() },
                "arn": format!("arn:aws:s3:::{}", row.bucket),
            },
            "object": object,
        },
    }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_some_hours() {
        assert_eq!((delay_ms(0), delay_ms(1), delay_ms(4)), (1_000, 2_000, 16_000));
        assert_eq!((delay_ms(14), delay_ms(u32::MAX)), (DELAY_MS_MAX, DELAY_MS_MAX));
    }

    #[test]
    fn a_signature_covers_the_time_and_the_body() {
        // As another implementation makes it: printf '1.{}' | openssl dgst -sha256 -hmac secret-of-8
        let expected = "t=1,v1=df767716925c923c9aac1b4cb288d0723645eb4583a82ad02ac9386151dbd348";
        assert_eq!(signature("secret-of-8", 1, "{}"), expected);
    }
}
