//! Pages of a listing, one after the other, and then from the start again.

use memchr::memmem::Finder;

use super::client::Problem;
use super::sign::encode;

/// Where a worker is in its listing.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The key after which its only page begins.
    after: Option<String>,
    token: Option<String>,
    seen: u64,
}

impl Listing {
    /// All pages, or only the one after that key.
    pub(crate) fn new(after: Option<String>) -> Listing {
        Listing { after, ..Listing::default() }
    }

    /// The query of the next page.
    pub(crate) fn query(&self) -> String {
        let page = "list-type=2&max-keys=1000&prefix=objects%2F";
        match (&self.after, &self.token) {
            (Some(after), _) => format!("{page}&start-after={}", encode(after)),
            (None, Some(token)) => format!("continuation-token={}&{page}", encode(token)),
            (None, None) => page.to_owned(),
        }
    }

    /// Reads a page: how many keys it has. `all` is how many the whole listing must have.
    pub(crate) fn take_in(&mut self, page: &[u8], all: Option<u64>) -> Result<u64, Problem> {
        let keys = Finder::new(b"<Key>").find_iter(page).count() as u64;
        if self.after.is_some() {
            return Ok(keys);
        }
        self.seen += keys;
        let more = text_of(page, "IsTruncated").as_deref() == Some("true");
        let token = self.token.take();
        self.token = if more { text_of(page, "NextContinuationToken") } else { None };
        let seen = self.seen;
        if self.token.is_none() {
            self.seen = 0;
        }
        if more && (self.token.is_none() || self.token == token) {
            self.token = None;
            return Err("a truncated page without a new continuation token".to_owned());
        }
        match all {
            Some(all) if self.token.is_none() && seen != all => Err(format!("WRONG LISTING: {seen} of {all} keys")),
            _ => Ok(keys),
        }
    }
}

/// The text of the first element of that name.
pub(crate) fn text_of(xml: &[u8], name: &str) -> Option<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let from = Finder::new(&open).find(xml)? + open.len();
    let rest = xml.get(from..)?;
    let text = rest.get(..Finder::new(&close).find(rest)?)?;
    let text = String::from_utf8_lossy(text);
    Some(["&lt;<", "&gt;>", "&quot;\"", "&#34;\"", "&#39;'", "&amp;&"].iter().fold(text.into_owned(), |text, pair| {
        let (escape, plain) = pair.split_at(pair.len() - 1);
        text.replace(escape, plain)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_walked_to_the_end_and_again() {
        let mut listing = Listing::default();
        assert!(!listing.query().contains("token"));
        let page = b"<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;=</NextContinuationToken><Key>1</Key>";
        assert_eq!(listing.take_in(page, Some(3)), Ok(1));
        assert!(listing.query().starts_with("continuation-token=a%26%3D&list-type=2"));
        let last = b"<Contents><Key>2</Key></Contents><Contents><Key>3</Key></Contents>";
        assert_eq!(listing.take_in(last, Some(3)), Ok(2));
        assert!(!listing.query().contains("token"));
        assert!(listing.take_in(last, Some(3)).is_err());
        assert!(listing.take_in(b"<IsTruncated>true</IsTruncated>", None).is_err());
    }
}
