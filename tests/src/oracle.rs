//! A bucket as a plain map: what the gateway must agree with after any sequence of operations.

use std::collections::BTreeMap;

use bytes::Bytes;

/// An object of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Bytes.
    pub body: Bytes,
    /// ETag, quoted.
    pub etag: String,
    /// Content type.
    pub content_type: String,
    /// The value of `x-amz-meta-note`.
    pub note: String,
}

/// A page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Keys outside any group.
    pub keys: Vec<String>,
    /// Common prefixes.
    pub prefixes: Vec<String>,
    /// Whether anything follows.
    pub truncated: bool,
}

/// A bucket.
#[derive(Debug, Clone, Default)]
pub struct Model {
    objects: BTreeMap<String, Stored>,
}

impl Model {
    /// Replaces an object.
    pub fn put(&mut self, key: &str, object: Stored) {
        self.objects.insert(key.to_owned(), object);
    }

    /// The object under a key.
    pub fn get(&self, key: &str) -> Option<&Stored> {
        self.objects.get(key)
    }

    /// Removes a key; absent is no failure.
    pub fn delete(&mut self, key: &str) {
        self.objects.remove(key);
    }

    /// Every key with its object, in order.
    pub fn objects(&self) -> impl Iterator<Item = (&String, &Stored)> {
        self.objects.iter()
    }

    /// A page of at most `max` keys and groups after `after`. `String`s are ordered by their UTF-8 bytes, as S3 wants.
    pub fn list(&self, prefix: &str, delimiter: &str, after: &str, max: usize) -> Page {
        let mut page = Page::default();
        let mut entries = 0;
        for key in self.objects.keys().filter(|k| k.starts_with(prefix) && k.as_str() > after) {
            let rest = &key[prefix.len()..];
            let group = (!delimiter.is_empty())
                .then(|| rest.find(delimiter))
                .flatten()
                .map(|at| format!("{prefix}{}", &rest[..at + delimiter.len()]));
            if group.is_some() && group.as_ref() == page.prefixes.last() {
                continue;
            }
            if entries == max {
                page.truncated = max > 0;
                return page;
            }
            entries += 1;
            match group {
                Some(group) => page.prefixes.push(group),
                None => page.keys.push(key.clone()),
            }
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(keys: &[&str]) -> Model {
        let mut model = Model::default();
        for key in keys {
            let object =
                Stored { body: Bytes::new(), etag: String::new(), content_type: String::new(), note: String::new() };
            model.put(key, object);
        }
        model
    }

    #[test]
    fn a_group_is_listed_once_and_does_not_truncate_by_itself() {
        let model = model(&["a", "b/1", "b/2", "c"]);
        let page = model.list("", "/", "", 2);
        assert_eq!((page.keys.as_slice(), page.prefixes.as_slice()), (&["a".to_owned()][..], &["b/".to_owned()][..]));
        assert!(page.truncated);
        assert!(!model.list("b", "/", "", 1).truncated);
        assert!(!model.list("", "", "", 0).truncated);
    }
}
