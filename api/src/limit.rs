//! Every bound of the JSON doors, in one place.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Bytes of a JSON body.
pub(crate) const JSON_BYTES_MAX: usize = 1 << 20;
/// Entries of a page of buckets, keys or logs.
pub(crate) const PAGE: RangeInclusive<u64> = 1..=100;
/// The same where the request names no number.
pub(crate) const PAGE_DEFAULT: u64 = 20;
/// Entries of a page of files or folders.
pub(crate) const FILES_PAGE: RangeInclusive<u64> = 1..=1_000;
/// The same where the request names no number.
pub(crate) const FILES_PAGE_DEFAULT: u64 = 100;
/// The largest whole number that every JSON reader takes exactly.
pub(crate) const INTEGER_MAX: u64 = (1 << 53) - 1;
/// Characters of a prefix, a cursor or another parameter of a query.
pub(crate) const PARAMETER_CHARS_MAX: usize = 4_096;
/// Windows of organisations that are kept before those that are empty are looked for.
pub(crate) const RATE_WINDOWS_TIDY: usize = 64;
/// Characters of a folder's name.
pub(crate) const FOLDER_NAME_CHARS_MAX: usize = 255;
/// Bytes of a transaction of key-values: as many of the largest values as one has, in JSON.
pub(crate) const KV_TRANSACTION_BYTES_MAX: usize = 20 << 20;
/// Bytes of a transaction that are read on the thread that serves it.
pub(crate) const KV_PARSED_AT_ONCE_BYTES: usize = 64 << 10;
/// KiB of transactions that are held at once.
pub(crate) const KV_TRANSACTIONS_KIB: usize = 128 << 10;
/// Bytes of a form about a key-value bucket.
pub(crate) const KV_FORM_BYTES_MAX: usize = 8 << 10;
/// Bytes of a number to add, white space around it too.
pub(crate) const KV_NUMBER_BYTES_MAX: usize = 128;
/// Addresses whose requests without a credential are counted; when there are more, counting begins anew.
pub(crate) const KV_ADDRESSES_MAX: usize = 65_536;
/// CPU time of a script. The kernel ends a worker whose script uses a second more.
pub(crate) const KV_SCRIPT_CPU: Duration = Duration::from_secs(1);
/// What is told of a script that used it up.
pub(crate) const KV_SCRIPT_CPU_REASON: &str = "The script took more than 1 s of CPU time";
/// Instructions of Lua between two looks at the clock.
pub(crate) const KV_SCRIPT_INSTRUCTIONS: u32 = 1_000;
/// Bytes of all that Lua holds for a script.
pub(crate) const KV_SCRIPT_MEMORY_BYTES: usize = 16 << 20;
/// Bytes that a worker can write to, all in all: what parses and prints for a script stays far below.
pub(crate) const KV_WORKER_BYTES_MAX: u64 = 256 << 20;
/// How far workers stand back behind whoever serves requests: where both want a core, a worker has a thirtieth of it.
pub(crate) const KV_SCRIPT_NICENESS: i32 = 15;
/// What a script may ask of the store; a step of a listing is one.
pub(crate) const KV_SCRIPT_OPERATIONS_MAX: u32 = 1_000;
/// Bytes that a script prints.
pub(crate) const KV_SCRIPT_OUTPUT_BYTES_MAX: usize = 1 << 20;
/// Bytes of a document that a script has read or printed as JSON.
pub(crate) const KV_SCRIPT_JSON_BYTES_MAX: usize = 1 << 20;
/// Tables in tables, in such a document.
pub(crate) const KV_SCRIPT_JSON_DEPTH_MAX: usize = 64;
/// Keys that a listing of a script has where it does not say how many.
pub(crate) const KV_SCRIPT_LIST_KEYS: u64 = 1_000;
/// Bytes of keys and values that a listing of a script may come to.
pub(crate) const KV_SCRIPT_LIST_BYTES_MAX: usize = 1 << 20;
/// Bytes of what a worker is told: a script and its parameters.
pub(crate) const KV_SCRIPT_TASK_BYTES_MAX: usize = 256 << 10;
/// Bytes of what a script is replied: the longest listing, with room.
pub(crate) const KV_SCRIPT_REPLY_BYTES_MAX: usize = 2 << 20;
/// Bytes of what a worker says: what a script printed, or a transaction.
pub(crate) const KV_SCRIPT_SAID_BYTES_MAX: usize = 2 << 20;
/// Characters of the message of a script's error.
pub(crate) const KV_SCRIPT_MESSAGE_CHARS_MAX: usize = 512;
/// Bytes of an address that a script sends its client to.
pub(crate) const KV_SCRIPT_LOCATION_BYTES_MAX: usize = 2_048;
/// Scripts that wait for their turn, for each that can run at once.
pub(crate) const KV_SCRIPTS_WAITING: usize = 16;
/// Bytes of a form's boundaries, field headers and preamble that may wait to be understood.
pub(crate) const FORM_HELD_BYTES_MAX: usize = 256 << 10;
/// Bytes of one plain field of a form.
pub(crate) const FORM_FIELD_BYTES_MAX: usize = 8 << 10;
/// Bytes of a content type that a form tells.
pub(crate) const CONTENT_TYPE_BYTES_MAX: usize = 1_024;
/// Fields of a form.
pub(crate) const FORM_FIELDS_MAX: usize = 16;
/// Bytes of a file that are held while it is not known under which key it goes.
pub(crate) const FORM_EARLY_FILE_BYTES_MAX: usize = 1 << 20;
/// Bytes of a form's file that are handed on at once.
pub(crate) const FORM_CHUNK_BYTES: usize = 64 << 10;
