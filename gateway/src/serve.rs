//! Puts the gateway together, runs it, and takes it apart. The only place that constructs things.

mod failure;
mod signals;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use windlass_api::{Api, Kv, KvCreate, KvScripts, KvSettings, Links, Rates, State, UploadSettings};
use windlass_config::{
    BlobChecksum, BlobKind, Durability, KvOpenTo, Limits, ObjectOwnership, RequestLog, Settings, Tls,
};
use windlass_store::account::{KeyPair, StsOptions};
use windlass_store::blob::{CredentialSource, RemoteOptions};
use windlass_store::bootstrap::RootKey;
use windlass_store::log::{LogOptions, Logs};
use windlass_store::policy::Ownership;
use windlass_store::seal::MasterKey;
use windlass_store::upstream::ClientOptions;
use windlass_store::{Store, StoreOptions};

pub(crate) use self::failure::Failure;
use crate::app::App;
use crate::door::{self, Door, Hosts, JsonDoor};
use crate::metrics::Metrics;
use crate::net::{Domains, Outward, Proxies, Served};
use crate::root_key::{self, Told};
use crate::s3::{S3Door, S3Settings};
use crate::site::SiteSettings;
use crate::trace::Access;
use crate::{admin, jobs, net, organisations, trace};

/// How long work that could not be cut is waited for at the end.
const RUNTIME_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves until a signal ends it. `ephemeral` keeps nothing.
pub(crate) fn serve(settings: &Settings, ephemeral: bool) -> Result<(), Failure> {
    let (log, access) =
        trace::begin(&settings.log).map_err(|error| Failure::of("the log could not be started", &error))?;
    door::log_panics();
    let served = run(settings, ephemeral, access);
    log.flush();
    served
}

fn run(settings: &Settings, ephemeral: bool, access: Option<Access>) -> Result<(), Failure> {
    let plan = organisations::plan(settings)?;
    let mut options = store_options(settings)?;
    // Held until everything that uses it has ended.
    let temporary = if ephemeral { Some(temporary(&mut options)?) } else { None };
    let told = Told::choose(&options.data_dir);
    if temporary.is_some() && plan.root.is_none() && matches!(told, Told::File(_)) {
        return Err(Failure::new(
            "an ephemeral gateway without a terminal has nowhere to tell the key that it makes; \
             set WINDLASS_ROOT_ACCESS_KEY and WINDLASS_ROOT_SECRET_KEY",
        ));
    }
    let store = Store::open(options)?;
    let logs = Arc::new(Logs::open(&log_options(settings, &store)));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("windlass").build();
    let runtime = runtime.map_err(|error| Failure::of("threads could not be started", &error))?;
    let served = runtime.block_on(async {
        let listener = bind(settings.general.listen).await?;
        let address = listener.local_addr().map_err(|error| Failure::of("the listener has no address", &error))?;
        let tls = tls(&settings.tls)?;
        if let RootKey::Made(key) = store.bootstrap(plan).await?.root {
            let endpoint = root_key::endpoint(address, tls.is_some());
            told.tell(&key, &endpoint, &settings.s3.region).map_err(|error| {
                Failure::of(
                    "a root key was made but could not be told; \
                     set WINDLASS_ROOT_ACCESS_KEY and WINDLASS_ROOT_SECRET_KEY to replace it",
                    &error,
                )
            })?;
        }
        let logs = (Arc::clone(&logs), access);
        let served = listen(settings, Arc::clone(&store), logs, (listener, tls), address).await;
        if let Err(error) = store.flush_counters().await {
            tracing::error!(%error, "what was counted last could not be written");
        }
        served
    });
    runtime.shutdown_timeout(RUNTIME_TIMEOUT);
    drop(logs);
    // Closes the metadata, after everything that could still write to it.
    drop(store);
    drop(temporary);
    served
}

async fn listen(
    settings: &Settings,
    store: Arc<Store>,
    (logs, access): (Arc<Logs>, Option<Access>),
    (listener, tls): (TcpListener, Option<(net::Tls, net::Watcher)>),
    address: SocketAddr,
) -> Result<(), Failure> {
    let webhooks = &settings.webhooks;
    let outward = Arc::new(Outward::new(webhooks.allow_private, Duration::from_millis(webhooks.timeout_ms)));
    let app = Arc::new(App::new(
        Arc::clone(&store),
        logs,
        Metrics::new(jobs::NAMES),
        access,
        (outward, site_settings(settings)),
    ));
    let s3 = S3Door::new(Arc::clone(&store), s3_settings(settings));
    let json = json_door(settings, &app);
    let proxies = Proxies::new(settings.proxy.trusted.clone(), settings.proxy.headers);
    let hosts: Vec<String> = settings.s3.base_domain.iter().chain(&settings.s3.website_domain).cloned().collect();
    let hosts = Hosts { domains: Domains::new(&hosts), kv: settings.kv.hosts.clone() };
    let door = Arc::new(Door::new(Arc::clone(&app), s3, json, hosts, proxies, door_limits(&settings.limits)));
    if settings.storage.durability == Durability::Relaxed {
        let within_ms = settings.storage.relaxed_sync_ms;
        tracing::warn!(
            within_ms,
            "durability is relaxed: a crash loses what was acknowledged within that time before it"
        );
    }
    let (stop, stopped) = watch::channel(false);
    signals::listen(stop, Arc::clone(&app))?;
    let mut jobs = jobs::start(&app, settings, &stopped);
    if let Some(listener) = admin::open(app.store.data_dir()) {
        jobs.spawn(admin::serve(listener, Arc::clone(&app.store), stopped.clone()));
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    let tls = tls.map(|(tls, watcher)| {
        jobs.spawn(watcher.run(stopped.clone()));
        tls
    });
    // The one line on standard output, for whoever started the process to wait for.
    let _ = writeln!(std::io::stdout(), "windlass: listening on {scheme}://{address}");
    tracing::info!(%address, version = env!("CARGO_PKG_VERSION"), "listening");
    let drain = Duration::from_millis(settings.limits.drain_timeout_ms);
    let served = Served { app, door, limits: net_limits(&settings.limits), tls };
    let drained = net::serve(listener, served, drain, stopped).await;
    if drained.cut > 0 {
        tracing::warn!(connections = drained.cut, "connections were cut that had not finished in time");
    }
    while jobs.join_next().await.is_some() {}
    tracing::info!("stopped");
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| Failure::of(&format!("cannot listen on {address}"), &error))
}

/// TLS as the settings have it, and what keeps it fresh.
fn tls(settings: &Tls) -> Result<Option<(net::Tls, net::Watcher)>, Failure> {
    let (Some(cert), Some(key)) = (&settings.cert_file, &settings.key_file) else { return Ok(None) };
    let opened = net::Pair::new(cert, key).open(Duration::from_millis(settings.watch_interval_ms));
    opened.map(Some).map_err(|fault| Failure::of("TLS cannot be spoken", &fault))
}

/// How the store is to be opened.
pub(crate) fn store_options(settings: &Settings) -> Result<StoreOptions, Failure> {
    let storage = &settings.storage;
    let key = settings.auth.master_key.as_ref().map(|key| MasterKey::from_base64(key.expose())).transpose()?;
    Ok(StoreOptions {
        blobs_dir: storage.blobs.clone(),
        remote_blobs: remote_blobs(settings).map(Arc::new),
        create: storage.create,
        cache_bytes: size(storage.cache_bytes),
        inline_bytes_max: size(storage.inline_bytes_max),
        relaxed_sync: match storage.durability {
            Durability::Full => None,
            Durability::Relaxed => Some(Duration::from_millis(storage.relaxed_sync_ms)),
        },
        master_key: key.map(Arc::new),
        plans: Arc::new(organisations::plans(settings)),
        upstream: upstream_options(&settings.upstream),
        sts: sts_options(&settings.upstream),
        ..StoreOptions::new(&settings.general.data)
    })
}

/// The bucket upstream that blobs are kept in, if they are.
fn remote_blobs(settings: &Settings) -> Option<RemoteOptions> {
    let blobs = &settings.blobs;
    let bucket = blobs.bucket.clone().filter(|_| blobs.kind == BlobKind::S3)?;
    let given = blobs.access_key.clone().zip(blobs.secret_key.clone());
    let credentials = match (given, blobs.credentials_file.clone()) {
        (Some((access_key_id, secret)), _) => CredentialSource::Given { access_key_id, secret },
        (None, Some(path)) => CredentialSource::File { path, profile: blobs.credentials_profile.clone() },
        // What is not UTF-8 is no credential.
        (None, None) => CredentialSource::Environment(
            std::env::vars_os()
                .filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok()))
                .collect(),
        ),
    };
    Some(RemoteOptions {
        endpoint: blobs.endpoint.clone(),
        region: blobs.region.clone(),
        bucket,
        prefix: blobs.prefix.clone(),
        path_style: blobs.path_style,
        credentials,
        crc64nvme: blobs.checksum == BlobChecksum::Crc64Nvme,
    })
}

/// What the providers of accounts are given.
fn upstream_options(upstream: &windlass_config::Upstream) -> ClientOptions {
    ClientOptions {
        connect_timeout: Duration::from_millis(upstream.connect_timeout_ms),
        read_timeout: Duration::from_millis(upstream.read_timeout_ms),
        total_timeout: Duration::from_millis(upstream.total_timeout_ms),
        allow_http: upstream.allow_http,
        allow_private: upstream.allow_private_endpoints,
    }
}

/// With whose credentials the roles of accounts are assumed.
fn sts_options(upstream: &windlass_config::Upstream) -> StsOptions {
    let keys = upstream.access_key.clone().zip(upstream.secret_key.clone());
    StsOptions {
        endpoint: upstream.sts_endpoint.clone(),
        keys: keys.map(|(access_key_id, secret)| KeyPair { access_key_id, secret }),
    }
}

fn log_options(settings: &Settings, store: &Store) -> LogOptions {
    let RequestLog { enabled, max_bytes } = settings.request_log;
    LogOptions { folder: store.data_dir().to_owned(), enabled, max_bytes }
}

/// Moves the store to a folder that goes when the process does.
fn temporary(options: &mut StoreOptions) -> Result<TempDir, Failure> {
    let folder = tempfile::Builder::new().prefix("windlass-").tempdir();
    let folder = folder.map_err(|error| Failure::of("a temporary folder could not be made", &error))?;
    options.data_dir = folder.path().to_owned();
    options.blobs_dir = None;
    options.remote_blobs = None;
    options.create = true;
    options.ephemeral = true;
    Ok(folder)
}

fn s3_settings(settings: &Settings) -> S3Settings {
    S3Settings {
        domains: Domains::new(&settings.s3.base_domain),
        sites: Domains::new(settings.s3.website_domain.as_slice()),
        region: settings.s3.region.clone(),
        sigv2_presigned: settings.auth.sigv2_presigned,
        body_idle: Duration::from_millis(settings.limits.body_idle_timeout_ms),
        day_ms: settings.lifecycle.day_ms,
        ownership: match settings.s3.object_ownership {
            ObjectOwnership::BucketOwnerEnforced => Ownership::Enforced,
            ObjectOwnership::BucketOwnerPreferred => Ownership::Preferred,
            ObjectOwnership::ObjectWriter => Ownership::Writer,
        },
        targets: settings.notification_targets.iter().map(|target| target.name.clone()).collect(),
    }
}

fn json_door(settings: &Settings, app: &App) -> JsonDoor {
    let (store, logs) = (Arc::clone(&app.store), Arc::clone(&app.logs));
    let limits = &settings.limits;
    let timeout = Duration::from_millis(limits.json_timeout_ms);
    let links = Links::new(Arc::clone(&store), timeout);
    let kv = Kv::new(Arc::clone(&store), kv_settings(settings));
    let settings = windlass_api::Settings {
        timeout,
        region: settings.s3.region.clone(),
        public_url: settings.general.public_url.clone(),
        uploads: UploadSettings {
            url_ttl_ms: settings.uploads.url_ttl_ms,
            allow_http: settings.uploads.allow_http,
            size_suggestion: settings.uploads.size_suggestion.clone(),
            tier_suggestion: settings.uploads.tier_suggestion.clone(),
        },
    };
    let api = Api::new(Arc::new(State {
        store,
        logs,
        rates: Arc::new(Rates::default()),
        carrier: Arc::clone(&app.outward) as _,
        settings,
    }));
    JsonDoor::new(api, links, kv, Duration::from_millis(limits.body_idle_timeout_ms))
}

fn site_settings(settings: &Settings) -> SiteSettings {
    SiteSettings { demo: settings.uploads.demo, public_url: settings.general.public_url.clone() }
}

fn kv_settings(settings: &Settings) -> KvSettings {
    KvSettings {
        timeout: Duration::from_millis(settings.limits.json_timeout_ms),
        create: match settings.kv.create {
            None => KvCreate::KeyOrLocal,
            Some(KvOpenTo::Open) => KvCreate::Open,
            Some(KvOpenTo::Key) => KvCreate::Key,
        },
        rate_limit: settings.kv.rate_limit.at_most().map(|most| u32::try_from(most).unwrap_or(u32::MAX)),
        scripts: KvScripts {
            // This very program, also once another version was put in its place.
            program: "/proc/self/exe".into(),
            argument: crate::cli::SCRIPTS,
            at_once: settings.kv.scripts_at_once.map_or_else(cores, size),
        },
    }
}

fn door_limits(limits: &Limits) -> door::Limits {
    door::Limits { requests: limits.requests, header_bytes: size(limits.header_bytes), headers: size(limits.headers) }
}

fn net_limits(limits: &Limits) -> net::Limits {
    net::Limits {
        connections: size(limits.connections),
        streams: u32::try_from(limits.streams).unwrap_or(u32::MAX),
        header_bytes: size(limits.header_bytes),
        headers: size(limits.headers),
        header_timeout: Duration::from_millis(limits.header_timeout_ms),
        write_timeout: Duration::from_millis(limits.body_idle_timeout_ms),
        idle_timeout: Duration::from_millis(limits.idle_timeout_ms),
    }
}

/// A number from the settings, where it counts something in memory.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().max(2))
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
