//! The module that pages upload files with, its types, and a page to try it with: kept in `api/browser`, served by the gateway
//! under `/-/`.

/// A file for browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrowserFile {
    /// Its content type.
    pub content_type: &'static str,
    /// It.
    pub text: &'static str,
    /// Whether it is part of the page to try uploads with.
    pub demo: bool,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The file at a path.
pub fn browser_file(path: &str) -> Option<BrowserFile> {
    let (content_type, text, demo) = match path {
        "/-/upload.js" => (SCRIPT, include_str!("../browser/upload.js"), false),
        "/-/upload.d.ts" => ("text/plain; charset=utf-8", include_str!("../browser/upload.d.ts"), false),
        "/-/demo" => ("text/html; charset=utf-8", include_str!("../browser/demo.html"), true),
        "/-/demo/demo.js" => (SCRIPT, include_str!("../browser/demo.js"), true),
        "/-/demo/demo.css" => ("text/css; charset=utf-8", include_str!("../browser/demo.css"), true),
        _ => return None,
    };
    Some(BrowserFile { content_type, text, demo })
}
