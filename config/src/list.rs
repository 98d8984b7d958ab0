//! THE LIST of settings. A line is: documentation, name, type, default, kind with the accepted range, and the
//! environment variable where it is not `WINDLASS_` with the section and the name.

use std::marker::PhantomData;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::field::{Field, sections};
use crate::kind::{
    Address, BlobChecksum, BlobKind, Count, Durability, Flag, Kind, KvOpenTo, Limit, Limited, LogFormat, LogLevel,
    Networks, ObjectOwnership, OneOf, Optional, Path, ProxyHeaders, SecretText, Several, Size, Text, Texts, Time,
};
use crate::validate::{
    is_access_key_id, is_bucket, is_domain, is_key_text, is_name, is_prefix, is_profile, is_public_url, is_region,
    is_secret_key, is_token, is_webhook,
};
use crate::{Network, Secret};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const EIB: u64 = 1 << 60;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

const ACCESS_KEY_ID: Text = Text(is_access_key_id, "3 to 128 of A-Z, a-z, 0-9, '.', '_' and '-'");
const SECRET_KEY: SecretText = SecretText(is_secret_key, "8 to 128 visible ASCII characters");
const TOKEN: SecretText = SecretText(is_token, "\"bkt_\" and 43 of A-Z, a-z, 0-9, '_' and '-'");

sections! {
    /// The gateway as a whole.
    General {
        /// The address and port to listen on. Port 0 takes a free one.
        listen: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 9000)), Address;
        /// The folder that holds the metadata, and the objects unless storage.blobs says otherwise.
        data: PathBuf = PathBuf::from("./windlass-data"), Path;
        /// The address under which clients reach the gateway, with its scheme. Links to share begin with it;
        /// without it they begin with the scheme and the host of the request for them.
        public_url: Option<String> = None, Optional(Text(is_public_url, "\"http://\" or \"https://\" with a host, and no path"));
    }

    /// Where and how things are stored.
    Storage {
        /// A folder of its own for the bytes of objects.
        blobs: Option<PathBuf> = None, Optional(Path);
        /// Whether to begin a new store in an empty folder. With false an empty folder is refused: a disk that is not
        /// mounted then stops the gateway instead of looking like a store that has lost everything.
        create: bool = true, Flag;
        /// When a write is acknowledged: with "full" once it is on stable storage; with "relaxed" before that, so that a crash
        /// or a power cut loses the writes of the last relaxed_sync_ms, each of them wholly.
        durability: Durability = Durability::Full, OneOf(PhantomData::<Durability>);
        /// Milliseconds within which relaxed writes are put on stable storage.
        relaxed_sync_ms: u64 = 1_000, Count(10..=60_000, "milliseconds");
        /// Objects up to this size live in the metadata file and share its commits.
        inline_bytes_max: u64 = 4 * KIB, Size(0..=64 * KIB);
        /// Memory for the metadata engine's page cache.
        cache_bytes: u64 = 96 * MIB, Size(MIB..=64 * GIB);
    }

    /// Where the bytes of objects are kept that are too large for the metadata file: a folder, or a bucket of an S3 provider,
    /// which belongs to this gateway alone and keeps no versions. A store stays with the kind that it began with.
    /// The provider is asked with access_key and secret_key if they are given, else with those of credentials_file, else with
    /// those of the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else with those of the machine or container.
    Blobs {
        /// "local" for storage.blobs, "s3" for the settings that follow.
        kind: BlobKind = BlobKind::Local, OneOf(PhantomData::<BlobKind>);
        /// The provider's address, with its scheme. Without it that of AWS for the region.
        endpoint: Option<String> = None, Optional(Text(is_public_url, "\"http://\" or \"https://\" with a host, and no path"));
        /// The region that requests are signed for.
        region: String = "us-east-1".to_owned(), Text(is_region, "1 to 64 of a-z, 0-9 and '-'");
        /// The bucket, which must be there.
        bucket: Option<String> = None, Optional(Text(is_bucket, "3 to 63 of a-z, 0-9, '.' and '-'"));
        /// What the names of all objects there begin with, before a slash.
        prefix: String = String::new(), Text(is_prefix, "up to 512 of A-Z, a-z, 0-9, '.', '_' and '-', with single slashes between them");
        /// Whether the bucket is named in the path; with false it is a label before the host.
        path_style: bool = true, Flag;
        /// What the provider holds the bytes against: with "sha256" a hash that every provider verifies; with "crc64nvme" a
        /// checksum that costs both sides next to nothing, and that the provider must know.
        checksum: BlobChecksum = BlobChecksum::Sha256, OneOf(PhantomData::<BlobChecksum>);
        /// The access key id.
        access_key: Option<String> = None, Optional(ACCESS_KEY_ID);
        /// The secret access key.
        secret_key: Option<Secret> = None, Optional(SecretText(is_secret_key, "8 to 128 visible ASCII characters"));
        /// A file with credentials, as the tools of AWS have it. It is read again when it changes.
        credentials_file: Option<PathBuf> = None, Optional(Path);
        /// Whose credentials of that file they are.
        credentials_profile: String = "default".to_owned(), Text(is_profile, "1 to 64 visible ASCII characters without brackets");
    }

    /// The S3 door.
    S3 {
        /// The region that signatures must name, and that clients are told.
        region: String = "us-east-1".to_owned(), Text(is_region, "1 to 64 of a-z, 0-9 and '-'");
        /// The domains under which buckets are hosts, as in bucket.s3.example.com for s3.example.com: one, or several. Without
        /// any only paths name buckets.
        base_domain: Vec<String> = Vec::new(), Several(is_domain, "a domain name in lower case, such as \"s3.example.com\"");
        /// The domain under which buckets are websites, as in bucket.web.example.com for web.example.com: those that have a
        /// website configuration are served there to everybody whom they let read. Without it there are no websites.
        website_domain: Option<String> = None, Optional(Text(is_domain, "a domain name in lower case, such as \"web.example.com\""));
        /// Who owns what others write into the buckets that are made over S3 and do not say it themselves. Access control lists
        /// count in none that its owner owns alone.
        object_ownership: ObjectOwnership = ObjectOwnership::BucketOwnerEnforced, OneOf(PhantomData::<ObjectOwnership>);
    }

    /// Who may come in.
    Auth {
        /// Whether presigned URLs and POST forms may use SigV2, which boto3 does by default against its own endpoints.
        sigv2_presigned: bool = true, Flag;
        /// The key that seals secrets at rest: 32 bytes in base64. Without it one is made at the first start and kept in
        /// the data folder.
        master_key: Option<Secret> = None, Optional(SecretText(is_key_text, "32 bytes in base64")), "WINDLASS_MASTER_KEY";
        /// The key to seal them with from now on, for `windlass secret rotate` alone: 32 bytes in base64. Without it one is
        /// made, unless the master key is given from outside.
        new_master_key: Option<Secret> = None, Optional(SecretText(is_key_text, "32 bytes in base64")), "WINDLASS_NEW_MASTER_KEY";
    }

    /// TLS on the listener, version 1.2 or 1.3. With both files it speaks nothing else. They are read again when they change,
    /// and on SIGHUP; a pair that is not sound is told in the log, and the one before it stays.
    Tls {
        /// The gateway's certificate, and behind it those that lead to an authority, in PEM.
        cert_file: Option<PathBuf> = None, Optional(Path);
        /// The certificate's private key, in PEM. Others than the file's owner and group must not be let in.
        key_file: Option<PathBuf> = None, Optional(Path);
        /// Milliseconds between looks at whether the files have changed.
        watch_interval_ms: u64 = 30_000, Count(100..=HOUR_MS, "milliseconds");
    }

    /// Proxies in front of the gateway.
    Proxy {
        /// Where the proxies are that are believed when they tell whom they speak for, over TLS or not, and under which host.
        /// Nobody else is. Such a proxy must set these headers itself on every request, or take away what its client sent.
        trusted: Vec<Network> = Vec::new(), Networks;
        /// The headers in which they tell it: X-Forwarded-For, -Proto, -Host and -Port, or Forwarded. The other ones are not read.
        headers: ProxyHeaders = ProxyHeaders::XForwarded, OneOf(PhantomData::<ProxyHeaders>);
    }

    /// The root key. If none is given, one is made at the first start.
    Root {
        /// Its access key id.
        access_key: Option<String> = None, Optional(ACCESS_KEY_ID);
        /// Its secret access key.
        secret_key: Option<Secret> = None, Optional(SECRET_KEY);
        /// Its bearer token. Without it the key has none to present.
        token: Option<Secret> = None, Optional(TOKEN);
    }

    /// Bounds on what clients may take up.
    Limits {
        /// Connections open at once; more wait to be accepted.
        connections: u64 = 1_024, Count(1..=65_536, "connections");
        /// Requests running at once, over all connections; more are answered with 503 SlowDown.
        requests: u64 = 2_048, Count(1..=65_536, "requests");
        /// Requests running at once on one HTTP/2 connection.
        streams: u64 = 128, Count(1..=1_000, "streams");
        /// Bytes of one request's line and headers.
        header_bytes: u64 = 64 * KIB, Size(8 * KIB..=MIB);
        /// Headers of one request.
        headers: u64 = 128, Count(16..=1_000, "headers");
        /// Milliseconds for a request's headers to arrive, counted from their first byte; for the first request of a connection,
        /// from when it was accepted.
        header_timeout_ms: u64 = 10_000, Count(100..=HOUR_MS, "milliseconds");
        /// Milliseconds without a byte, in either direction, after which a request's or an answer's body is given up.
        body_idle_timeout_ms: u64 = 30_000, Count(100..=HOUR_MS, "milliseconds");
        /// Milliseconds that a request of the JSON doors may take, uploads aside; then it is answered with 408.
        json_timeout_ms: u64 = 10_000, Count(100..=HOUR_MS, "milliseconds");
        /// Milliseconds after which a connection without requests is closed.
        idle_timeout_ms: u64 = 60_000, Count(100..=HOUR_MS, "milliseconds");
        /// Milliseconds that running requests are given to finish when the gateway is told to stop.
        drain_timeout_ms: u64 = 30_000, Count(0..=HOUR_MS, "milliseconds");
    }

    /// The log, on standard error.
    Log {
        /// How lines look.
        format: LogFormat = LogFormat::Text, OneOf(PhantomData::<LogFormat>);
        /// The least severe events that are logged.
        level: LogLevel = LogLevel::Info, OneOf(PhantomData::<LogLevel>);
    }

    /// How providers are asked that accounts are connected with.
    Upstream {
        /// Milliseconds for a connection to come about.
        connect_timeout_ms: u64 = 5_000, Count(10..=HOUR_MS, "milliseconds");
        /// Milliseconds for the next bytes of an answer.
        read_timeout_ms: u64 = 60_000, Count(10..=HOUR_MS, "milliseconds");
        /// Milliseconds for a small answer to be there, whole.
        total_timeout_ms: u64 = 30_000, Count(10..=HOUR_MS, "milliseconds");
        /// Whether an account's endpoint may be http://.
        allow_http: bool = true, Flag;
        /// Whether an account's endpoint may be this machine, or in a private network.
        allow_private_endpoints: bool = true, Flag;
        /// The access key id with which roles of accounts are assumed that have no key pair of their own.
        access_key: Option<String> = None, Optional(ACCESS_KEY_ID);
        /// The secret access key to it.
        secret_key: Option<Secret> = None, Optional(SECRET_KEY);
        /// Where they are assumed; without it at AWS, in the account's region.
        sts_endpoint: Option<String> = None, Optional(Text(is_public_url, "\"http://\" or \"https://\" with a host, and no path"));
    }

    /// The job that deletes bytes which nothing refers to any more.
    Sweep {
        /// Milliseconds from the end of one sweep to the next.
        interval_ms: u64 = 30_000, Count(100..=DAY_MS, "milliseconds");
    }

    /// The job that reads everything that is stored and holds it against its checksums.
    Scrub {
        /// Hours from the end of one scrub to the beginning of the next. 0 switches it off.
        interval_hours: u64 = 168, Count(0..=8_760, "hours");
        /// How much it reads in a second at most.
        bytes_per_second: u64 = 32 * MIB, Size(64 * KIB..=64 * GIB);
    }

    /// The job that ends what the rules of buckets' life cycles say is due.
    Lifecycle {
        /// Milliseconds from the end of one pass through all buckets with rules to the next. A pass that was interrupted goes
        /// on at the start.
        interval_ms: u64 = HOUR_MS, Count(100..=DAY_MS, "milliseconds");
        /// Milliseconds of what the rules call a day. Anything but a day is for tests of rules.
        day_ms: u64 = DAY_MS, Count(1..=DAY_MS, "milliseconds");
    }

    /// The job that copies linked buckets which are being adopted.
    Adoption {
        /// Bytes that it copies in a second, all buckets together; 0 is as many as it can.
        bytes_per_second: u64 = 0, Size(0..=EIB);
        /// Objects that it copies at once.
        objects_at_once: u64 = 8, Count(1..=64, "objects");
    }

    /// The log of requests, which clients read back; apart from the log on standard error.
    RequestLog {
        /// Whether requests are logged.
        enabled: bool = true, Flag;
        /// How much of it is kept, compressed, whatever plans say; beyond that the oldest requests go.
        max_bytes: u64 = GIB, Size(MIB..=16 * 1024 * GIB);
    }

    /// The key-value door: at /kv, and at hosts of its own.
    Kv {
        /// Hosts where key-value is all there is, as in kv.example.com: one, or several.
        hosts: Vec<String> = Vec::new(), Several(is_domain, "a domain name in lower case, such as \"kv.example.com\"");
        /// Who may make buckets: with "open" everybody, with "key" holders of a management key. Without it they, and clients
        /// on the gateway's own machine.
        create: Option<KvOpenTo> = None, Optional(OneOf(PhantomData::<KvOpenTo>));
        /// Requests in an hour of one address that presents no key. Holders of keys have what their plan allows.
        rate_limit: Limit = Limit::AtMost(1_000), Limited(Count(1..=1_000_000_000, "requests"));
        /// Scripts that run at once, each in a process of its own; with 0 none does. Without it as many as the machine has
        /// cores, and at least 2.
        scripts_at_once: Option<u64> = None, Optional(Count(0..=256, "scripts"));
    }

    /// Backups of the metadata.
    Backup {
        /// Hours for which the bytes that a backup needs are kept from the sweep. A backup that is put back later than that
        /// may miss some.
        hold_hours: u64 = 168, Count(0..=8_760, "hours");
    }

    /// The uploads door, /api/v1.
    Uploads {
        /// Milliseconds for which the links last that files are uploaded by.
        url_ttl_ms: u64 = HOUR_MS, Count(1_000..=7 * DAY_MS, "milliseconds");
        /// Whether it answers over plain HTTP to clients elsewhere than on this machine. Keys can be read by whoever listens then.
        allow_http: bool = false, Flag;
        /// Milliseconds between looks at uploads whose clients were not heard of, and at what test keys uploaded.
        interval_ms: u64 = 60_000, Count(100..=DAY_MS, "milliseconds");
        /// What is suggested to clients whose file is too large.
        size_suggestion: String = "Compress the file or use a route with a higher limit.".to_owned(), Text(|_| true, "a sentence");
        /// What is suggested to clients whose plan allows no more.
        tier_suggestion: String = "Upgrade your plan.".to_owned(), Text(|_| true, "a sentence");
        /// Whether there is a page to try uploads with, at /-/demo.
        demo: bool = false, Flag;
    }

    /// Webhooks: how the receivers of routes are told of files.
    Webhooks {
        /// Whether receivers may be at private addresses and may be told over plain HTTP. For development and closed networks:
        /// who can set up a route can then have the gateway ask anything within reach.
        allow_private: bool = false, Flag;
        /// Milliseconds that a receiver may take to answer.
        timeout_ms: u64 = 30_000, Count(100..=HOUR_MS, "milliseconds");
        /// Milliseconds of what the schedule of retries calls a minute: they come after 1, 5 and 30 of them. Anything but a minute
        /// is for tests.
        minute_ms: u64 = 60_000, Count(1..=HOUR_MS, "milliseconds");
    }

    /// A plan: what the organisations on it may take up. It can be given more than once, and by variables such as
    /// WINDLASS_PLAN_0_NAME. One that is named free, pro, team or enterprise changes what is said of that plan and leaves the
    /// rest of it; any other is a new plan, paid and without limits but for what is said of it.
    Plan {
        /// Its name.
        name: String = String::new(), Text(is_name, "1 to 64 of a-z, 0-9 and '-'");
        /// Whether it includes what is for paying organisations only.
        paid: Option<bool> = None, Optional(Flag);
        /// Buckets.
        max_buckets: Option<Limit> = None, Optional(Limited(Count(0..=10_000, "buckets")));
        /// Bytes of all objects and of open uploads.
        max_storage_bytes: Option<Limit> = None, Optional(Limited(Size(0..=EIB)));
        /// Bytes sent in a calendar month, UTC.
        max_bandwidth_bytes_per_month: Option<Limit> = None, Optional(Limited(Size(0..=EIB)));
        /// Requests in any 60 seconds on the JSON doors.
        max_requests_per_minute: Option<Limit> = None, Optional(Limited(Count(1..=1_000_000, "requests")));
        /// Requests in any 60 seconds on the S3 door.
        s3_requests_per_minute: Option<Limit> = None, Optional(Limited(Count(1..=1_000_000, "requests")));
        /// Bytes of one object.
        max_file_size_bytes: Option<Limit> = None, Optional(Limited(Size(0..=EIB)));
        /// Days for which request logs are kept.
        log_retention_days: Option<u64> = None, Optional(Count(1..=3_650, "days"));
        /// Whether what is stored beyond the limit is counted and let through, instead of refused.
        overage: Option<bool> = None, Optional(Flag);
        /// Whether nothing is sent any more once a month's bandwidth is used up.
        enforce_bandwidth: Option<bool> = None, Optional(Flag);
        /// Bytes of one file that comes through the uploads door.
        uploads_max_file_size_bytes: Option<Limit> = None, Optional(Limited(Size(0..=EIB)));
        /// Files that are confirmed there in a calendar month, UTC.
        uploads_per_month: Option<Limit> = None, Optional(Limited(Count(0..=1_000_000_000, "uploads")));
        /// Projects of an organisation.
        max_projects: Option<Limit> = None, Optional(Limited(Count(0..=10_000, "projects")));
        /// Keys of a project.
        max_keys_per_project: Option<Limit> = None, Optional(Limited(Count(0..=1_000, "keys")));
        /// Requests by one of these keys in any 60 seconds.
        uploads_requests_per_minute: Option<Limit> = None, Optional(Limited(Count(1..=1_000_000, "requests")));
    }

    /// A target of notifications: where buckets can have events told that happen to their objects. It can be given more than
    /// once, and by variables such as WINDLASS_NOTIFICATION_TARGET_0_NAME.
    NotificationTarget {
        /// Its name. Buckets name it as arn:windlass:sqs::NAME:webhook.
        name: String = String::new(), Text(is_name, "1 to 64 of a-z, 0-9 and '-'");
        /// The address that is told, by a POST of JSON.
        url: String = String::new(), Text(is_webhook, "an address that begins with \"http://\" or \"https://\"");
        /// What the header X-Windlass-Signature is made with, so that the target knows who tells it.
        secret: Secret = Secret::new(""), SECRET_KEY;
    }

    /// An organisation that is made at the start, with its buckets and keys. It can be given more than once, and by variables
    /// such as WINDLASS_ORGANISATION_0_NAME and WINDLASS_ORGANISATION_0_KEY_0_NAME. Taking one away ends its keys, and leaves
    /// it and its buckets as they are.
    Organisation with {
        /// Its buckets that have settings.
        bucket_settings: Vec<Bucket>;
        /// Its keys.
        keys: Vec<Key>;
    } {
        /// Its name.
        name: String = String::new(), Text(is_name, "1 to 64 of a-z, 0-9 and '-'");
        /// The name of its plan.
        plan: String = "enterprise".to_owned(), Text(is_name, "the name of a plan");
        /// Buckets to make if they are not there.
        buckets: Vec<String> = Vec::new(), Texts("a list of bucket names");
        /// The bucket that is meant where none is named. Without it the first.
        default_bucket: Option<String> = None, Optional(Text(|name| !name.is_empty(), "a bucket name"));
    }

    /// A bucket of an organisation that is made if it is not there, and set up at every start. It can be given more than once.
    /// What is not said stays as it is.
    Bucket {
        /// Its name on S3.
        name: String = String::new(), Text(|name| !name.is_empty(), "a bucket name");
        /// Its name for people.
        display_name: Option<String> = None, Optional(Text(|name| !name.is_empty(), "1 to 100 characters"));
        /// Where it is said to be, if it is made now.
        region: Option<String> = None, Optional(Text(is_region, "1 to 64 of a-z, 0-9 and '-'"));
        /// For how long what is delivered from it may be cached.
        cache_preset: Option<String> = None, Optional(Text(|name| !name.is_empty(), "the name of a preset"));
        /// A Cache-Control in place of the preset's.
        cache_control_override: Option<String> = None, Optional(Text(|_| true, "a header value"));
        /// Origins whose pages may use it.
        cors_origins: Option<Vec<String>> = None, Optional(Texts("a list of URLs"));
        /// Days after which its objects expire.
        lifecycle_ttl_days: Option<Limit> = None, Optional(Limited(Count(1..=3_650, "days")));
        /// Bytes of one object.
        max_file_size_bytes: Option<Limit> = None, Optional(Limited(Size(0..=EIB)));
        /// Content types that its objects may have, exact or as in image/*.
        allowed_mime_types: Option<Vec<String>> = None, Optional(Texts("a list of content types"));
    }

    /// A key of an organisation. It can be given more than once.
    Key {
        /// A name for people.
        name: String = String::new(), Text(|name| (1..=128).contains(&name.len()), "1 to 128 bytes of text");
        /// The access key id.
        access_key_id: String = String::new(), ACCESS_KEY_ID;
        /// The secret access key.
        secret_access_key: Secret = Secret::new(""), SECRET_KEY;
        /// The bearer token. Without it the key has none to present.
        token: Option<Secret> = None, Optional(TOKEN);
        /// What the key may do. Without it everything.
        scopes: Option<Vec<String>> = None, Optional(Texts("a list of scopes, such as [\"buckets:read\", \"files:read\"]"));
        /// The buckets it sees. Without it all of its organisation's.
        buckets: Option<Vec<String>> = None, Optional(Texts("a list of bucket names"));
        /// When it ends to be valid, as an RFC 3339 time. Kept in milliseconds since the Unix epoch.
        expires_at: Option<u64> = None, Optional(Time);
    }
}
