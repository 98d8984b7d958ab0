//! Lists: the pages of one are followed to its end, or to the number that is asked for.

use std::fmt::Write as _;

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::print::print;
use super::show::Table;
use super::{Column, Remote, Result};

/// How far a list is followed.
#[derive(Debug, clap::Args)]
pub(super) struct Bound {
    /// Show at most so many; without it all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
}

/// A list of the API.
pub(super) struct List<'a> {
    pub(super) path: String,
    pub(super) query: Vec<(&'a str, &'a str)>,
    /// The most entries that the API gives at once.
    pub(super) page_max: u64,
    /// The most entries that are wanted.
    pub(super) most: Option<u64>,
}

/// A page, whose entries are as they came.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    #[serde(borrow)]
    meta: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    next_cursor: Option<String>,
}

impl Bound {
    pub(super) fn most(&self) -> Option<u64> {
        self.limit
    }
}

/// Takes the pages of a list one after another. `take` is given the entries, the whole document, and whether a page follows; it
/// says whether to go on.
async fn follow(
    remote: &Remote,
    list: List<'_>,
    mut take: impl FnMut(&Page<'_>, &str, bool) -> Result<bool>,
) -> Result<()> {
    let mut left = list.most;
    let mut cursor: Option<String> = None;
    loop {
        let asked = left.map_or(list.page_max, |left| left.min(list.page_max)).to_string();
        let mut query = list.query.clone();
        query.push(("limit", &asked));
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let document = remote.ask(Method::GET, &list.path, &query, None).await?;
        let strange = |_| remote.client.stranger("what it answers is no page of a list");
        let page: Page<'_> = serde_json::from_str(&document).map_err(strange)?;
        let Meta { next_cursor } = serde_json::from_str(page.meta.get()).map_err(strange)?;
        left = left.map(|left| left.saturating_sub(page.data.len() as u64));
        let more = next_cursor.is_some() && left != Some(0);
        if more && next_cursor == cursor {
            return Err(remote.client.stranger("its pages have no end"));
        }
        if !take(&page, &document, more)? || !more {
            return Ok(());
        }
        cursor = next_cursor;
    }
}

/// Prints a list: a table, page by page as they come; or one document, which is the API's own if it is one page.
pub(super) async fn show(remote: &Remote, list: List<'_>, columns: &'static [Column]) -> Result<()> {
    let (mut table, mut merge, mut is_first) = (Table::new(columns), Merge::default(), true);
    follow(remote, list, |page, document, more| {
        let text = match (remote.json, is_first && !more) {
            (true, true) => format!("{document}\n"),
            (true, false) => merge.part(page, more),
            (false, _) => table.lines(&values(page), is_first),
        };
        is_first = false;
        print(&text)?;
        Ok(true)
    })
    .await
}

/// The first entry that is wanted.
pub(super) async fn find(remote: &Remote, list: List<'_>, wanted: impl Fn(&Value) -> bool) -> Result<Option<Value>> {
    let mut found = None;
    follow(remote, list, |page, _, _| {
        found = values(page).into_iter().find(&wanted);
        Ok(found.is_none())
    })
    .await?;
    Ok(found)
}

fn values(page: &Page<'_>) -> Vec<Value> {
    // Each is JSON, or the page could not have been read.
    page.data.iter().filter_map(|entry| serde_json::from_str(entry.get()).ok()).collect()
}

/// One document of all pages, printed as they come.
#[derive(Default)]
struct Merge {
    is_begun: bool,
    has_entries: bool,
}

impl Merge {
    /// The part of a page. The document's end is that of its last page.
    fn part(&mut self, page: &Page<'_>, more: bool) -> String {
        let mut text = if self.is_begun { String::new() } else { "{\"data\":[".to_owned() };
        self.is_begun = true;
        for entry in &page.data {
            if self.has_entries {
                text.push(',');
            }
            text.push_str(entry.get());
            self.has_entries = true;
        }
        if !more {
            let _ = writeln!(text, "],\"error\":null,\"meta\":{}}}", page.meta.get());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_make_one_document_of_entries_as_they_came() {
        let pages = [r#"[{"b":1, "a":2}]"#, "[]", "[3,4]", "[]"];
        let mut merge = Merge::default();
        let mut text = String::new();
        for (at, data) in pages.iter().enumerate() {
            let document = format!(r#"{{"data":{data},"error":null,"meta":{{"nextCursor":null,"limit":{at}}}}}"#);
            text += &merge.part(&serde_json::from_str(&document).unwrap(), at < 3);
        }
        let merged = r#"{"data":[{"b":1, "a":2},3,4],"error":null,"meta":{"nextCursor":null,"limit":3}}"#;
        assert_eq!(text, format!("{merged}\n"));
        let nothing = serde_json::from_str(r#"{"data":[],"meta":{}}"#).unwrap();
        assert_eq!(Merge::default().part(&nothing, true), "{\"data\":[");
    }
}
