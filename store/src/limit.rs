//! Every bound of the store, in one place. A limit that comes from the S3 API says so.

use std::time::Duration;

/// Longest object key in bytes (S3: "Creating object key names").
pub const KEY_BYTES_MAX: usize = 1024;
/// User metadata: names and values together, in bytes (S3: "Working with object metadata").
pub const USER_METADATA_BYTES_MAX: usize = 2 * 1024;
/// System headers kept with an object: their values together, in bytes.
pub const SYSTEM_METADATA_BYTES_MAX: usize = 8 * 1024;
/// Largest body of one PUT or one part (S3: "Multipart upload limits").
pub const PUT_BYTES_MAX: u64 = 5 << 30;
/// Smallest part other than the last (S3: "Multipart upload limits").
pub const PART_BYTES_MIN: u64 = 5 << 20;
/// Highest part number (S3: "Multipart upload limits").
pub const PARTS_MAX: u16 = 10_000;
/// Largest object (S3: "Multipart upload limits").
pub const OBJECT_BYTES_MAX: u64 = 5 << 40;
/// Most keys in one DeleteObjects (S3 API: DeleteObjects).
pub const DELETE_KEYS_MAX: usize = 1_000;
/// Most entries in one page of any listing (S3 API: ListObjectsV2).
pub const PAGE_MAX: usize = 1_000;
/// Buckets one organisation may own (S3's default quota is 10,000 as well).
pub const BUCKETS_PER_ORG_MAX: u64 = 10_000;
/// Access keys of one organisation.
pub const KEYS_PER_ORG_MAX: usize = 10_000;
/// Characters of a name for people.
pub const NAME_CHARS_MAX: usize = 100;
/// Buckets in one key's list.
pub const KEY_BUCKETS_MAX: usize = 1_000;
/// Bytes of a bucket's own Cache-Control.
pub const CACHE_CONTROL_BYTES_MAX: usize = 256;
/// Origins that a bucket lets in.
pub const CORS_ORIGINS_MAX: usize = 10;
/// Bytes of one origin.
pub const ORIGIN_BYTES_MAX: usize = 256;
/// Content types in a bucket's list.
pub const MIME_TYPES_MAX: usize = 50;
/// Bytes of one content type in a bucket's list.
pub const MIME_TYPE_BYTES_MAX: usize = 128;
/// Days after which objects of a bucket may expire.
pub const LIFECYCLE_DAYS_MAX: u16 = 3_650;
/// Names that are tried for a bucket that was given none.
pub const NAME_ATTEMPTS_MAX: usize = 5;
/// Rows of keys and buckets that each thread keeps decoded; when there are more, keeping begins anew.
pub const ROWS_KEPT_MAX: usize = 1_024;
/// Documents of buckets kept in memory; when there are more, keeping begins anew.
pub const DOCUMENTS_KEPT_MAX: usize = 4_096;
/// Bytes of a bucket's policy (S3: "Bucket policies", 20 KB).
pub const POLICY_BYTES_MAX: usize = 20 << 10;
/// Bytes of one fact that a policy asks of a request; a longer one is refused, so that holding it against a policy's
/// wildcards has a bound.
pub const FACT_BYTES_MAX: usize = 4 << 10;
/// Lines of an access control list (S3: "Access control list overview").
pub const ACL_GRANTS_MAX: usize = 100;
/// Share links into one bucket.
pub const SHARES_PER_BUCKET_MAX: usize = 10_000;
/// How long a share link may last.
pub const SHARE_MS_MAX: u64 = 365 * 86_400_000;
/// Bytes of a share link's password.
pub const PASSWORD_BYTES_MAX: usize = 128;
/// Passwords of share links that are checked at once: each costs a core a good part of a second.
pub const PASSWORD_CHECKS_MAX: usize = 2;

/// Tags of an object (S3: "Categorizing your objects using tags").
pub const OBJECT_TAGS_MAX: usize = 10;
/// Tags of a bucket (S3: "Using cost allocation tags").
pub const BUCKET_TAGS_MAX: usize = 50;
/// UTF-16 units of a tag's name (S3: "Categorizing your objects using tags").
pub const TAG_NAME_UNITS_MAX: usize = 128;
/// UTF-16 units of a tag's value (S3: "Categorizing your objects using tags").
pub const TAG_VALUE_UNITS_MAX: usize = 256;
/// Characters of the id of a rule (S3 API: CORSRule, LifecycleRule).
pub const RULE_ID_CHARS_MAX: usize = 255;
/// Rules of a CORS document (S3 API: PutBucketCors).
pub const CORS_RULES_MAX: usize = 100;
/// Bytes of a CORS document (S3 API: PutBucketCors).
pub const CORS_BYTES_MAX: usize = 64 << 10;
/// Headers that one preflight can ask for.
pub const CORS_REQUEST_HEADERS_MAX: usize = 128;
/// Rules of a lifecycle document (S3 API: PutBucketLifecycleConfiguration).
pub const LIFECYCLE_RULES_MAX: usize = 1_000;
/// Versions beside the current one that a rule can keep (S3 API: NoncurrentVersionExpiration).
pub const NEWER_VERSIONS_KEPT_MAX: u32 = 100;
/// Rows that one step of the lifecycle looks at.
pub const LIFECYCLE_SCAN_ROWS: usize = 1_024;
/// Uploads that one step of the lifecycle aborts: each is looked at part by part.
pub const LIFECYCLE_STEP_UPLOADS: usize = 4;
/// Routing rules of a website (S3: "Configuring advanced conditional redirects").
pub const WEBSITE_ROUTES_MAX: usize = 50;
/// Bytes of the name of a host (RFC 1035), and of a port.
pub const HOST_BYTES_MAX: usize = 253 + 6;

/// Destinations that a bucket tells of events.
pub const SUBSCRIPTIONS_MAX: usize = 100;
/// Events and groups of them that one destination is told of.
pub const SUBSCRIPTION_EVENTS_MAX: usize = 32;
/// Events that may wait to be told; one more is counted and forgotten.
pub const OUTBOX_ROWS_MAX: u64 = 1_000_000;
/// Events that one step tells.
pub const OUTBOX_STEP_ROWS: usize = 64;
/// How often it is tried to tell an event.
pub const OUTBOX_ATTEMPTS_MAX: u32 = 16;

/// Key-value buckets of one organisation, those that were deleted not long ago among them.
pub const KV_BUCKETS_PER_ORG_MAX: usize = 10_000;
/// How long it is told of a deleted key-value bucket that there was one.
pub const KV_DELETED_MS: u64 = 86_400_000;
/// Bytes of a key of a key-value bucket.
pub const KV_KEY_BYTES_MAX: usize = 128;
/// Bytes of a value.
pub const KV_VALUE_BYTES_MAX: usize = 16_384;
/// Bytes of a value's content type.
pub const KV_CONTENT_TYPE_BYTES_MAX: usize = 256;
/// Bytes of a secret, read, write or signing key.
pub const KV_SECRET_BYTES_MAX: usize = 1_024;
/// Seconds that a value may last: 100 years.
pub const KV_TTL_S_MAX: u64 = 36_525 * 86_400;
/// Seconds that a value lasts where neither it nor its bucket says it: a week.
pub const KV_TTL_S_DEFAULT: u64 = 7 * 86_400;
/// Seconds that an access token may last: 10 years.
pub const KV_TOKEN_TTL_S_MAX: u64 = 3_653 * 86_400;
/// Bytes of an access token: the longest prefix, with room.
pub const KV_TOKEN_BYTES_MAX: usize = 512;
/// Steps of a transaction.
pub const KV_TRANSACTION_STEPS_MAX: usize = 1_000;
/// Rows that one step of a listing of keys looks at.
pub const KV_LIST_STEP_ROWS: usize = 512;
/// The same in bytes; the row that passes it is the step's last.
pub const KV_LIST_STEP_BYTES: usize = 256 << 10;
/// Scripts of a key-value bucket.
pub const KV_SCRIPTS_PER_BUCKET_MAX: usize = 100;
/// Bytes of a script's name.
pub const KV_SCRIPT_NAME_BYTES_MAX: usize = 64;
/// Bytes of a script.
pub const KV_SCRIPT_BYTES_MAX: usize = 64 << 10;

/// Projects of an organisation.
pub const PROJECTS_PER_ORG_MAX: u64 = 10_000;
/// Routes of a project.
pub const ROUTES_PER_PROJECT_MAX: usize = 1_000;
/// Keys of a project.
pub const KEYS_PER_PROJECT_MAX: u64 = 1_000;
/// Characters of the slug of a route.
pub const SLUG_CHARS_MAX: usize = 100;
/// Bytes of a webhook's address.
pub const WEBHOOK_URL_BYTES_MAX: usize = 2_048;
/// Characters of a file's name.
pub const FILE_NAME_CHARS_MAX: usize = 255;
/// Characters of a file's content type.
pub const FILE_TYPE_CHARS_MAX: usize = 100;
/// Bytes of what clients say of a file: names and values together.
pub const FILE_METADATA_BYTES_MAX: usize = 8 << 10;
/// Entries of it.
pub const FILE_METADATA_ENTRIES_MAX: usize = 64;
/// Bytes of the parts of a file, unless it would have too many of them.
pub const FILE_PART_BYTES: u64 = 5 << 20;
/// Parts of a file.
pub const FILE_PARTS_MAX: u64 = 1_000;
/// Files up to this size are uploaded as a whole.
pub const FILE_WHOLE_BYTES_MAX: u64 = 10 << 20;
/// Files that one request deletes.
pub const FILES_DELETE_MAX: usize = 100;
/// Rows that one page of files looks at; a page that finds too few of them comes short.
pub const FILES_SCAN_MAX: usize = 1_000;
/// How long after its link has ended an upload is given up.
pub const UPLOAD_GRACE_MS: u64 = 3_600_000;
/// How long an upload in parts may rest.
pub const UPLOAD_IDLE_MS: u64 = 86_400_000;
/// How long the files of a test key are kept.
pub const TEST_FILE_MS: u64 = 86_400_000;
/// How long is kept what was said of a file that is gone, and what happened to files.
pub const FILE_TRACE_MS: u64 = 30 * 86_400_000;
/// Files that one step of their sweep looks at.
pub const FILES_STEP_ROWS: usize = 64;
/// Minutes to wait after each failed attempt at a delivery; one more, and it is dead.
pub const DELIVERY_DELAYS_MINUTES: &[u64] = &[1, 5, 30];
/// Bytes that are kept of what a receiver answered, or of why there was no answer.
pub const DELIVERY_ANSWER_BYTES_MAX: usize = 1_024;

/// Operations in one commit.
pub const BATCH_OPERATIONS_MAX: usize = 512;
/// Bytes of changed rows in one commit; the operation that passes it is the batch's last.
pub const BATCH_BYTES_MAX: usize = 8 << 20;
/// Operations that may wait for the writer; one more is answered with `SlowDown`.
pub const QUEUE_OPERATIONS_MAX: usize = 4_096;

/// How long after a failed commit the metadata is tried to be opened anew, then after each attempt that failed.
pub const RECOVERY_DELAYS: &[Duration] = &[Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(5)];
/// How long an attempt waits for reads to end, while new ones are refused.
pub const RECOVERY_READS_WAIT: Duration = Duration::from_millis(250);
/// Bytes that the disk must take before the metadata is opened anew: more than a small commit writes. The file itself
/// grows by a change of its length alone; space is taken only as its pages are written.
pub const RECOVERY_PROBE_BYTES: usize = 256 << 10;

/// Bytes under one block checksum.
pub const BLOCK_BYTES: usize = 64 << 10;
/// Block checksums in one row of `blob_sums`.
pub const SUMS_PER_ROW: usize = 1_024;
/// Bytes gathered before one write to a blob.
pub const WRITE_CHUNK_BYTES: usize = 1 << 20;
/// The same when many uploads run; more than any inline limit.
pub const WRITE_CHUNK_BYTES_MIN: usize = 128 << 10;
/// Bytes that all running uploads gather and write at once, as long as their chunks can still shrink.
pub const INGEST_BYTES: usize = 64 << 20;
/// Bytes of one positioned read; a multiple of `BLOCK_BYTES`.
pub const READ_CHUNK_BYTES: usize = 256 << 10;
/// Blobs that may wait to be synced where durability is relaxed; one more is synced before it is acknowledged.
pub const UNSYNCED_BLOBS_MAX: usize = 128;

/// Rows of counters written in one commit.
pub const FLUSH_ROWS: usize = 1_000;
/// Keys whose use is remembered between two flushes; that of one more is forgotten.
pub const KEYS_USED_MAX: usize = 100_000;
/// Bucket deletions that are listed for metrics.
pub const DELETIONS_LISTED_MAX: usize = 100;
/// Rows that a migration, or one step of a bucket's deletion or adoption, changes in one commit, about.
pub const STEP_ROWS: usize = 256;
/// Rows the sweep looks at in one step.
pub const SWEEP_STEP_ROWS: usize = 256;
/// Bytes that one step of the scrub reads, about.
pub const SCRUB_STEP_BYTES: u64 = 4 << 20;
/// Rows that one step of the scrub looks at.
pub const SCRUB_STEP_ROWS: u64 = 256;
/// Bytes that the scrub reads between notes of how far it came.
pub const SCRUB_SAVE_BYTES: u64 = 256 << 20;

/// Bytes of logged requests that may wait to be written; one more is dropped and counted.
pub const LOG_QUEUE_BYTES_MAX: usize = 16 << 20;
/// Bytes of a block of logged requests before it is compressed; the one that passes it is the block's last. With that one most
/// are within the 64 KiB that the compression looks back, and those of requests to `/v1` then fill most of a page of 8 KiB.
pub const LOG_BLOCK_BYTES: usize = 60 << 10;
/// The same when a block is read. It may grow and never shrink, or stored blocks could not be read any more.
pub const LOG_BLOCK_BYTES_MAX: usize = 256 << 10;
/// Bytes of one logged request; one that takes more is dropped and counted.
pub const LOG_ENTRY_BYTES_MAX: usize = 64 << 10;
/// Bytes kept of a logged body.
pub const LOG_BODY_BYTES_MAX: usize = 8 << 10;
/// Most logged requests in one page.
pub const LOG_PAGE_MAX: usize = 100;
/// Logged requests that one page looks at; a page that finds too few of them comes short.
pub const LOG_SCAN_MAX: usize = 10_000;
/// The same in bytes, of blocks that are unpacked.
pub const LOG_SCAN_BYTES_MAX: usize = 8 << 20;
/// Blocks of logged requests that one step of their sweep removes.
pub const LOG_SWEEP_BLOCKS: usize = 256;
/// Bytes the request log's engine may cache.
pub const LOG_CACHE_BYTES: usize = 16 << 20;
/// Pieces of bodies that may wait to be digested in lanes; one more is digested elsewhere, on its own.
pub const DIGEST_JOBS_MAX: usize = 1_024;

/// Failures in a row after which an upstream is left alone for a while.
pub const BREAKER_FAILURES: u32 = 5;
/// How long, about, the first time.
pub const BREAKER_DELAY_MS: u64 = 500;
/// And at most, about: each probe that fails doubles it.
pub const BREAKER_DELAY_MS_MAX: u64 = 30_000;

/// Elements of an XML document of an upstream: a page of a listing has ten an entry, about.
pub const XML_ELEMENTS_MAX: usize = 32_768;
/// How deep they may lie.
pub const XML_DEPTH_MAX: usize = 16;
/// Bytes of an upstream's answer that is read whole: a page of a listing whose keys are all escaped.
pub const UPSTREAM_DOCUMENT_BYTES_MAX: usize = 8 << 20;
/// Bytes of an upstream's error document.
pub const UPSTREAM_ERROR_BYTES_MAX: usize = 64 << 10;
/// Characters that are kept of an upstream's error code.
pub const UPSTREAM_CODE_CHARS_MAX: usize = 64;
/// Characters that are kept of an upstream's message.
pub const UPSTREAM_MESSAGE_CHARS_MAX: usize = 512;
/// Upstreams whose failures are remembered; when there are more, remembering begins anew.
pub const UPSTREAMS_MAX: usize = 1_024;
/// Headers of an upstream's answer.
pub const UPSTREAM_HEADERS_MAX: usize = 128;
/// Connections to one upstream that are kept while nobody uses them.
pub const UPSTREAM_IDLE_CONNECTIONS_MAX: usize = 64;
/// How long they are kept: less than servers do, so that a request is not sent on one that is about to be closed.
pub const UPSTREAM_IDLE_CONNECTION: Duration = Duration::from_secs(4);
/// How often an upstream is asked the same before its error counts.
pub const UPSTREAM_TRIES_MAX: u32 = 3;
/// The longest wait before the second try; it doubles with each.
pub const UPSTREAM_RETRY_DELAY: Duration = Duration::from_millis(200);

/// Keys of buckets that are being adopted that are settled at once, at most.
pub const ADOPTION_TURNS: usize = 64;
/// Objects that are asked an upstream about at once for one request.
pub const ADOPTION_HEADS_AT_ONCE: usize = 16;
/// Bytes that one step of an adoption brings; the object that passes it is the step's last.
pub const ADOPTION_STEP_BYTES: u64 = 64 << 20;

/// Bytes of one part of a blob on its way upstream: all parts but the last are this long, as some providers ask.
pub const PART_BYTES: usize = 8 << 20;
/// Parts of one blob that are on their way at once.
pub const PARTS_IN_FLIGHT: usize = 2;
/// Bytes of all blobs that are gathered for upstream or on their way there.
pub const ROOM_BYTES: usize = 128 << 20;
/// In what units they are counted.
pub const ROOM_UNIT_BYTES: usize = 64 << 10;
/// How long an upload waits for room.
pub const ROOM_WAIT: Duration = Duration::from_secs(30);
/// Names that are remembered because something may have been left there upstream.
pub const LITTER_MAX: usize = 10_000;
/// Of these, how many one step of the sweep looks at.
pub const LITTER_STEP: usize = 64;
/// Pages of open uploads that one look through them reads.
pub const SWEEP_PAGES_MAX: usize = 1_000;
/// How long after a start a request of the process before may still take effect upstream.
pub const SETTLED_MS: u64 = 15 * 60 * 1_000;

/// Connected accounts of one organisation.
pub const ACCOUNTS_PER_ORG_MAX: usize = 1_000;
/// Bytes of the id of a stack (CloudFormation API: an ARN, 1,024 at most).
pub const STACK_ID_BYTES_MAX: usize = 1_024;
/// Bytes of the name of a region.
pub const REGION_BYTES_MAX: usize = 64;
/// Buckets that one import names.
pub const IMPORT_BUCKETS_MAX: usize = 50;
/// Buckets of an import that are looked at at once.
pub const IMPORT_AT_ONCE: usize = 8;
/// Buckets that an account can have at its provider (S3's default quota).
pub const UPSTREAM_BUCKETS_MAX: usize = 10_000;
/// How long the credentials of a role are asked for (STS API: AssumeRole, whose default this is).
pub const ASSUMED_ROLE_SECONDS: u64 = 3_600;
/// What must be left of that for them to be used without others being asked for.
pub const ASSUMED_ROLE_SPARE_MS: u64 = 5 * 60 * 1_000;
/// Accounts whose role's credentials are kept; when there are more, keeping begins anew.
pub const ASSUMED_ROLES_MAX: usize = 1_024;
