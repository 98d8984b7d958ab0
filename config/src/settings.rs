//! All sections together, and the list of all settings by their full names.

use crate::field::{Field, From};
use crate::kind::Raw;
use crate::list::{
    Adoption, Auth, Backup, Blobs, General, Kv, Lifecycle, Limits, Log, NotificationTarget, Organisation, Plan, Proxy,
    RequestLog, Root, S3, Scrub, Storage, Sweep, Tls, Uploads, Upstream, Webhooks,
};

/// Sets a value, or says that it is of another kind.
type Set = Box<dyn Fn(&mut Settings, &Raw) -> bool>;
/// Asks about a value.
type Ask<T> = Box<dyn Fn(&Settings) -> T>;

/// A setting of the gateway, by its full name.
pub(crate) struct Entry {
    /// Its full name, such as `storage.cache_bytes`.
    pub(crate) name: String,
    /// Its environment variable.
    pub(crate) variable: String,
    pub(crate) about: &'static [&'static str],
    pub(crate) from: From,
    pub(crate) secret: bool,
    pub(crate) accepted: fn() -> String,
    pub(crate) read: Set,
    pub(crate) check: Ask<bool>,
    pub(crate) print: Ask<Option<String>>,
}

/// A section: its name, empty for the settings that stand before all sections, and what it is about.
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) about: &'static [&'static str],
    pub(crate) entries: Vec<Entry>,
}

macro_rules! settings {
    ($($(#[doc = $about:literal])* $member:ident: $Section:ident $name:literal $from:ident;)*) => {
        /// All settings of a gateway.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct Settings {
            $($(#[doc = $about])* pub $member: $Section,)*
            /// Plans beside those that are there by default, and changes of those.
            pub plans: Vec<Plan>,
            /// Where buckets can have events told.
            pub notification_targets: Vec<NotificationTarget>,
            /// Organisations to make at the start.
            pub organisations: Vec<Organisation>,
        }

        /// The list of sections with all their settings.
        pub(crate) fn sections() -> Vec<Section> {
            vec![$(Section {
                name: $name,
                about: $Section::ABOUT,
                entries: $Section::FIELDS
                    .iter()
                    .map(|field| entry($name, From::$from, field, |s| &s.$member, |s| &mut s.$member))
                    .collect(),
            }),*]
        }
    };
}

settings! {
    /// The gateway as a whole.
    general: General "" Anywhere;
    /// Where and how things are stored.
    storage: Storage "storage" Anywhere;
    /// Where the bytes of objects are kept.
    blobs: Blobs "blobs" Anywhere;
    /// The S3 door.
    s3: S3 "s3" Anywhere;
    /// Who may come in.
    auth: Auth "auth" Anywhere;
    /// TLS on the listener.
    tls: Tls "tls" Anywhere;
    /// Proxies in front of the gateway.
    proxy: Proxy "proxy" Anywhere;
    /// The root key.
    root: Root "root" Environment;
    /// Bounds on what clients may take up.
    limits: Limits "limits" Anywhere;
    /// The log.
    log: Log "log" Anywhere;
    /// The job that deletes bytes which nothing refers to any more.
    sweep: Sweep "sweep" Anywhere;
    /// The job that reads everything that is stored and holds it against its checksums.
    scrub: Scrub "scrub" Anywhere;
    /// The job that follows the rules of life cycles.
    lifecycle: Lifecycle "lifecycle" Anywhere;
    /// Providers that accounts are connected with.
    upstream: Upstream "upstream" Anywhere;
    /// The job that copies linked buckets which are being adopted.
    adoption: Adoption "adoption" Anywhere;
    /// The log of requests, which clients read back.
    request_log: RequestLog "request_log" Anywhere;
    /// The key-value door.
    kv: Kv "kv" Anywhere;
    /// Backups of the metadata.
    backup: Backup "backup" Anywhere;
    /// The uploads door.
    uploads: Uploads "uploads" Anywhere;
    /// Webhooks.
    webhooks: Webhooks "webhooks" Anywhere;
}

/// All settings of all sections.
pub(crate) fn entries() -> Vec<Entry> {
    sections().into_iter().flat_map(|section| section.entries).collect()
}

fn entry<S: 'static>(
    section: &str,
    from: From,
    field: &'static Field<S>,
    get: fn(&Settings) -> &S,
    get_mut: fn(&mut Settings) -> &mut S,
) -> Entry {
    let name = if section.is_empty() { field.name.to_owned() } else { format!("{section}.{}", field.name) };
    let derived = format!("WINDLASS_{}", name.to_ascii_uppercase().replace('.', "_"));
    Entry {
        variable: field.variable.map_or(derived, str::to_owned),
        name,
        about: field.about,
        from,
        secret: field.secret,
        accepted: field.accepted,
        read: Box::new(move |settings, raw| (field.read)(get_mut(settings), raw)),
        check: Box::new(move |settings| (field.check)(get(settings))),
        print: Box::new(move |settings| (field.print)(get(settings))),
    }
}
