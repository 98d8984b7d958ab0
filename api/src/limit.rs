//! Every bound of the JSON doors, in one place.

use std::ops::RangeInclusive;

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
