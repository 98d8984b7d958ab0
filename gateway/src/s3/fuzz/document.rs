//! Documents of requests: the name of one on the first line, then the document. The door has an answer to each that is not
//! that it failed; and a document that it takes comes back as one that it takes as well, and that means the same.

use http::{Method, Request};
use s3s::Body;

use super::{Target, World, code, fuzz};

/// Documents by name, how they are sent, and where; whether they can be asked for.
const DOCUMENTS: [(&str, Method, &str, bool); 21] = [
    ("accelerate", Method::PUT, "/bucket?accelerate", false),
    ("acl", Method::PUT, "/bucket?acl", true),
    ("acl-of-object", Method::PUT, "/bucket/key?acl", true),
    ("block", Method::PUT, "/bucket?publicAccessBlock", true),
    ("complete", Method::POST, "/bucket/up?uploadId=", false),
    ("cors", Method::PUT, "/bucket?cors", true),
    ("create", Method::PUT, "/bucket-to-make", false),
    ("delete", Method::POST, "/bucket?delete", false),
    ("hold", Method::PUT, "/locked/key?legal-hold", true),
    ("lifecycle", Method::PUT, "/bucket?lifecycle", true),
    ("lock", Method::PUT, "/locked?object-lock", true),
    ("logging", Method::PUT, "/bucket?logging", false),
    ("notification", Method::PUT, "/bucket?notification", true),
    ("ownership", Method::PUT, "/owned?ownershipControls", true),
    ("payment", Method::PUT, "/bucket?requestPayment", false),
    ("policy", Method::PUT, "/owned?policy", true),
    ("retention", Method::PUT, "/locked/key?retention", true),
    ("tagging", Method::PUT, "/bucket?tagging", true),
    ("tagging-of-object", Method::PUT, "/bucket/key?tagging", true),
    ("versioning", Method::PUT, "/versions?versioning", true),
    ("website", Method::PUT, "/bucket?website", true),
];

const WORDS: &[&str] = &[
    "<Tagging>",
    "<TagSet>",
    "<Tag>",
    "<Key>",
    "</Key>",
    "<Value>",
    "</Value>",
    "<Delete>",
    "<Object>",
    "<VersionId>",
    "<Quiet>true</Quiet>",
    "<ETag>",
    "<PartNumber>1</PartNumber>",
    "<Part>",
    "<CORSRule>",
    "<AllowedOrigin>*</AllowedOrigin>",
    "<AllowedMethod>GET</AllowedMethod>",
    "<AllowedHeader>",
    "<ExposeHeader>",
    "<MaxAgeSeconds>",
    "<ID>",
    "<Rule>",
    "<Status>Enabled</Status>",
    "<Prefix>",
    "<Filter>",
    "<And>",
    "<Expiration>",
    "<Days>1</Days>",
    "<Date>2030-01-01T00:00:00Z</Date>",
    "<ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker>",
    "<NoncurrentVersionExpiration>",
    "<NoncurrentDays>1</NoncurrentDays>",
    "<NewerNoncurrentVersions>1</NewerNoncurrentVersions>",
    "<ObjectSizeGreaterThan>1</ObjectSizeGreaterThan>",
    "<ObjectSizeLessThan>9</ObjectSizeLessThan>",
    "<Transition>",
    "<AbortIncompleteMultipartUpload>",
    "<DaysAfterInitiation>1</DaysAfterInitiation>",
    "<Owner>",
    "<AccessControlList>",
    "<Grant>",
    "<Grantee xsi:type=\"Group\">",
    "<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI>",
    "<Permission>READ</Permission>",
    "<Permission>FULL_CONTROL</Permission>",
    "<IndexDocument>",
    "<Suffix>i</Suffix>",
    "<ErrorDocument>",
    "<RedirectAllRequestsTo>",
    "<HostName>h</HostName>",
    "<Protocol>https</Protocol>",
    "<RoutingRules>",
    "<RoutingRule>",
    "<Condition>",
    "<KeyPrefixEquals>",
    "<HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>",
    "<Redirect>",
    "<ReplaceKeyWith>",
    "<ReplaceKeyPrefixWith>",
    "<HttpRedirectCode>301</HttpRedirectCode>",
    "<Mode>GOVERNANCE</Mode>",
    "<RetainUntilDate>2030-01-01T00:00:00Z</RetainUntilDate>",
    "<Years>1</Years>",
    "<ObjectLockEnabled>Enabled</ObjectLockEnabled>",
    "<DefaultRetention>",
    "<QueueConfiguration>",
    "<Queue>",
    "<TopicConfiguration>",
    "<CloudFunctionConfiguration>",
    "<CloudFunction>",
    "<Event>s3:ObjectCreated:*</Event>",
    "<S3Key>",
    "<FilterRule>",
    "<Name>prefix</Name>",
    "arn:aws:sqs:us-east-1:hook:webhook",
    "&amp;",
    "&lt;",
    "&#x0;",
    "&#1;",
    "&#xD;",
    "&x;",
    "<![CDATA[",
    "]]>",
    "<!--",
    "-->",
    "<!DOCTYPE a [<!ENTITY x \"y\">]>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
    "<?x?>",
    "/>",
    " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"",
    " a=\"b\"",
    "\u{feff}",
    "é",
    "\u{1F600}",
    "-1",
    "2147483648",
    " ",
    "\n",
];

fn ask(world: &World, method: &Method, target: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let request =
        Request::builder().method(method).uri(target).header("host", "h").header("content-length", body.len());
    let answer = world.ask(request.body(Body::from(body.to_vec())).unwrap());
    (answer.status.as_u16(), answer.body)
}

#[test]
fn fuzz_document() {
    let mut world = World::new();
    fuzz(&Target { package: env!("CARGO_MANIFEST_DIR"), name: "document", words: WORDS }, |bytes| {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (name, document) = (bytes.get(..end)?, bytes.get(end + 1..)?);
        let (name, method, target, readable) = DOCUMENTS.iter().find(|(known, ..)| known.as_bytes() == name)?;
        world.renew(false);
        let target = if *name == "complete" { format!("{target}{}", world.upload()) } else { (*target).to_owned() };
        let (status, body) = ask(&world, method, &target, document);
        if status >= 300 {
            return Some((*name, status, code(&body), 0));
        }
        let marks = |body: &[u8]| body.iter().filter(|byte| **byte == b'<').count();
        if !readable {
            if *name != "delete" {
                world.renew(true);
            }
            return Some((*name, status, String::new(), marks(&body)));
        }
        let (status, told) = ask(&world, &Method::GET, &target, b"");
        if status != 200 {
            // What is empty is not there; and a policy may forbid to read it.
            assert!(status == 404 || *name == "policy", "{name}: {status} {}", String::from_utf8_lossy(&told));
            world.renew(*name == "policy");
            return Some((*name, status, code(&told), 0));
        }
        let (status, refused) = ask(&world, method, &target, &told);
        if *name == "policy" && status == 403 {
            world.renew(true);
            return Some((*name, status, code(&refused), 0));
        }
        let (text, refused) = (String::from_utf8_lossy(&told), String::from_utf8_lossy(&refused));
        assert!(status < 300, "{name}: what it answered it refuses: {text}\n{refused}");
        let (status, again) = ask(&world, &Method::GET, &target, b"");
        assert_eq!((status, String::from_utf8_lossy(&again)), (200, text), "{name}: it is the same again");
        world.renew(*name == "policy");
        Some((*name, status, String::new(), marks(&told)))
    });
}
