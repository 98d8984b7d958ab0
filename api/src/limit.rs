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
