//! Buckets as websites: the documents that say how. Serving them is in `website/serve.rs`.

mod serve;

use s3s::dto::{
    self, Condition, DeleteBucketWebsiteInput, DeleteBucketWebsiteOutput, ErrorDocument, GetBucketWebsiteInput,
    GetBucketWebsiteOutput, IndexDocument, PutBucketWebsiteInput, PutBucketWebsiteOutput, Redirect,
    RedirectAllRequestsTo, RoutingRule, WebsiteConfiguration,
};
use s3s::{S3Request, S3Response, S3Result};
use windlass_store::website::{Protocol, Route, RouteKey, RouteTo, RouteWhen, Website};

use super::call::Call;
use super::error::{self, invalid_argument, invalid_request};
use super::service::Operations;

pub(super) use serve::{Ask, Sites};

/// How a bucket is served.
pub(super) async fn get_bucket_website(
    door: &Operations,
    request: S3Request<GetBucketWebsiteInput>,
) -> S3Result<S3Response<GetBucketWebsiteOutput>> {
    let (_, call) = Call::open(request)?;
    let website = door.store.document::<Website>(call.grant.bucket().map_err(error::from_store)?);
    let none = || {
        let message = "The specified bucket does not have a website configuration";
        error::refuse("NoSuchWebsiteConfiguration", message)
    };
    let website = website.map_err(error::from_store)?.ok_or_else(none)?;
    Ok(S3Response::new(to_dto(&website)))
}

/// Has a bucket served in another way.
pub(super) async fn put_bucket_website(
    door: &Operations,
    request: S3Request<PutBucketWebsiteInput>,
) -> S3Result<S3Response<PutBucketWebsiteOutput>> {
    let (input, call) = Call::open(request)?;
    let website = from_dto(input.website_configuration)?;
    door.store.put_document(&call.grant, website).await.map_err(error::from_store)?;
    Ok(S3Response::new(PutBucketWebsiteOutput {}))
}

/// Has a bucket served no more.
pub(super) async fn delete_bucket_website(
    door: &Operations,
    request: S3Request<DeleteBucketWebsiteInput>,
) -> S3Result<S3Response<DeleteBucketWebsiteOutput>> {
    let (_, call) = Call::open(request)?;
    door.store.delete_document::<Website>(&call.grant).await.map_err(error::from_store)?;
    Ok(S3Response::new(DeleteBucketWebsiteOutput {}))
}

fn from_dto(website: WebsiteConfiguration) -> S3Result<Website> {
    let WebsiteConfiguration { error_document, index_document, redirect_all_requests_to, routing_rules } = website;
    match (redirect_all_requests_to, index_document) {
        (Some(all), None) if error_document.is_none() && routing_rules.is_none() => {
            Ok(Website::Elsewhere { host: all.host_name, protocol: protocol(all.protocol)? })
        }
        (Some(_), _) => {
            Err(invalid_request("RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules."))
        }
        (None, None) => {
            Err(invalid_argument("A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty"))
        }
        (None, Some(index)) => Ok(Website::Documents {
            index: index.suffix,
            error: error_document.map(|document| document.key),
            routes: routing_rules.unwrap_or_default().into_iter().map(route).collect::<S3Result<_>>()?,
        }),
    }
}

fn protocol(protocol: Option<dto::Protocol>) -> S3Result<Option<Protocol>> {
    let unknown = || invalid_request("Invalid protocol, protocol can be http or https.");
    protocol.map(|protocol| Protocol::parse(protocol.as_str()).ok_or_else(unknown)).transpose()
}

fn route(rule: RoutingRule) -> S3Result<Route> {
    let status = |status: Option<String>| {
        let wrong = || invalid_request("The provided HTTP code is not a number of three digits.");
        status.map(|status| status.parse::<u16>().map_err(|_| wrong())).transpose()
    };
    let when = |condition: Condition| -> S3Result<RouteWhen> {
        let Condition { http_error_code_returned_equals, key_prefix_equals } = condition;
        Ok(RouteWhen { prefix: key_prefix_equals, status: status(http_error_code_returned_equals)? })
    };
    let Redirect { host_name, http_redirect_code, protocol: scheme, replace_key_prefix_with, replace_key_with } =
        rule.redirect;
    let key = match (replace_key_prefix_with, replace_key_with) {
        (None, None) => RouteKey::Same,
        (Some(prefix), None) => RouteKey::Prefix(prefix),
        (None, Some(key)) => RouteKey::Whole(key),
        (Some(_), Some(_)) => {
            return Err(invalid_request("You can only define ReplaceKeyPrefix or ReplaceKey but not both."));
        }
    };
    Ok(Route {
        when: rule.condition.map(when).transpose()?,
        to: RouteTo { host: host_name, protocol: protocol(scheme)?, status: status(http_redirect_code)?, key },
    })
}

fn to_dto(website: &Website) -> GetBucketWebsiteOutput {
    let scheme = |protocol: Option<Protocol>| protocol.map(|protocol| dto::Protocol::from_static(protocol.name()));
    match website {
        Website::Elsewhere { host, protocol } => GetBucketWebsiteOutput {
            redirect_all_requests_to: Some(RedirectAllRequestsTo {
                host_name: host.clone(),
                protocol: scheme(*protocol),
            }),
            ..GetBucketWebsiteOutput::default()
        },
        Website::Documents { index, error, routes } => GetBucketWebsiteOutput {
            error_document: error.clone().map(|key| ErrorDocument { key }),
            index_document: Some(IndexDocument { suffix: index.clone() }),
            redirect_all_requests_to: None,
            routing_rules: (!routes.is_empty()).then(|| routes.iter().map(route_to_dto).collect()),
        },
    }
}

fn route_to_dto(route: &Route) -> RoutingRule {
    let status = |status: Option<u16>| status.map(|status| status.to_string());
    let (prefix, whole) = match route.to.key.clone() {
        RouteKey::Same => (None, None),
        RouteKey::Prefix(prefix) => (Some(prefix), None),
        RouteKey::Whole(key) => (None, Some(key)),
    };
    RoutingRule {
        condition: route.when.as_ref().map(|when| Condition {
            http_error_code_returned_equals: status(when.status),
            key_prefix_equals: when.prefix.clone(),
        }),
        redirect: Redirect {
            host_name: route.to.host.clone(),
            http_redirect_code: status(route.to.status),
            protocol: route.to.protocol.map(|protocol| dto::Protocol::from_static(protocol.name())),
            replace_key_prefix_with: prefix,
            replace_key_with: whole,
        },
    }
}

#[cfg(test)]
mod tests {
    use s3s::xml::{Deserialize as _, Deserializer};

    use super::*;

    fn read(inner: &str) -> Result<Website, String> {
        let text = format!("<WebsiteConfiguration>{inner}</WebsiteConfiguration>");
        let mut reader = Deserializer::new(text.as_bytes());
        let document = WebsiteConfiguration::deserialize(&mut reader).map_err(|_| "MalformedXML")?;
        from_dto(document).map_err(|error| error.code().as_str().to_owned())
    }

    fn back(website: &Website) -> Website {
        let GetBucketWebsiteOutput { error_document, index_document, redirect_all_requests_to, routing_rules } =
            to_dto(website);
        let document = WebsiteConfiguration { error_document, index_document, redirect_all_requests_to, routing_rules };
        from_dto(document).unwrap()
    }

    const INDEX: &str = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>";

    #[test]
    fn every_form_comes_back_as_it_went() {
        for inner in [
            INDEX.to_owned(),
            format!("{INDEX}<ErrorDocument><Key>error.html</Key></ErrorDocument>"),
            "<RedirectAllRequestsTo><HostName>a.test</HostName></RedirectAllRequestsTo>".to_owned(),
            "<RedirectAllRequestsTo><HostName>a.test</HostName><Protocol>https</Protocol></RedirectAllRequestsTo>"
                .to_owned(),
            format!(
                "{INDEX}<RoutingRules><RoutingRule><Condition><KeyPrefixEquals>a/</KeyPrefixEquals>\
                 <HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals></Condition><Redirect>\
                 <HostName>b.test</HostName><HttpRedirectCode>302</HttpRedirectCode><Protocol>http</Protocol>\
                 <ReplaceKeyPrefixWith>b/</ReplaceKeyPrefixWith></Redirect></RoutingRule><RoutingRule><Redirect>\
                 <ReplaceKeyWith>x</ReplaceKeyWith></Redirect></RoutingRule></RoutingRules>"
            ),
        ] {
            let website = read(&inner).unwrap();
            assert_eq!(back(&website), website, "{inner}");
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let all = "<RedirectAllRequestsTo><HostName>a.test</HostName></RedirectAllRequestsTo>";
        assert_eq!(read(&format!("{all}{INDEX}")), Err("InvalidRequest".into()));
        assert_eq!(read(""), Err("InvalidArgument".into()));
        let both = "<RoutingRules><RoutingRule><Redirect><ReplaceKeyWith>x</ReplaceKeyWith>\
                    <ReplaceKeyPrefixWith>y</ReplaceKeyPrefixWith></Redirect></RoutingRule></RoutingRules>";
        assert_eq!(read(&format!("{INDEX}{both}")), Err("InvalidRequest".into()));
        let scheme = "<RedirectAllRequestsTo><HostName>a</HostName><Protocol>ftp</Protocol></RedirectAllRequestsTo>";
        assert_eq!(read(scheme), Err("InvalidRequest".into()));
    }
}
