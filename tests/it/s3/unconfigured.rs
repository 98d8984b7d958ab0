//! What applications read of a bucket that was left as it was made, and what they may set it to: nothing else.

use crate::home::Home;

#[tokio::test]
async fn what_is_never_configured_reads_as_on_a_new_bucket() {
    let home = Home::new().await;
    let get = |name: &str| home.on("GET").flag(name);
    assert_eq!(get("requestPayment").await.is(200).xml().text("Payer"), "BucketOwner");
    let accelerate = get("accelerate").await.is(200).xml();
    assert_eq!((accelerate.name.as_str(), accelerate.children.len()), ("AccelerateConfiguration", 0));
    let logging = get("logging").await.is(200).xml();
    assert_eq!((logging.name.as_str(), logging.children.len()), ("BucketLoggingStatus", 0));
    get("replication").await.is_error(404, "ReplicationConfigurationNotFoundError");
    get("encryption").await.is_error(404, "ServerSideEncryptionConfigurationNotFoundError");
}

#[tokio::test]
async fn lists_of_what_is_never_configured_are_empty() {
    let home = Home::new().await;
    for name in ["analytics", "intelligent-tiering", "inventory", "metrics"] {
        let xml = home.on("GET").flag(name).await.is(200).xml();
        assert_eq!(xml.text("IsTruncated"), "false", "{name}");
        assert_eq!(xml.children.len(), 1, "{name}: {xml:?}");
        home.on("GET").flag(name).query("id", "x").await.is_error(404, "NoSuchConfiguration");
        home.on("PUT").flag(name).query("id", "x").body("<X/>").await.is_error(501, "NotImplemented");
    }
}

#[tokio::test]
async fn what_is_off_may_be_set_to_off_and_to_nothing_else() {
    let home = Home::new().await;
    let put = |name: &str, body: &'static str| home.on("PUT").flag(name).body(body);
    put("requestPayment", "<RequestPaymentConfiguration><Payer>BucketOwner</Payer></RequestPaymentConfiguration>")
        .await
        .is(200);
    put("requestPayment", "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>")
        .await
        .is_error(501, "NotImplemented");
    put("accelerate", "<AccelerateConfiguration><Status>Suspended</Status></AccelerateConfiguration>").await.is(200);
    put("accelerate", "<AccelerateConfiguration><Status>Enabled</Status></AccelerateConfiguration>")
        .await
        .is_error(501, "NotImplemented");
    put("logging", "<BucketLoggingStatus/>").await.is(200);
    let logging = "<BucketLoggingStatus><LoggingEnabled><TargetBucket>b</TargetBucket><TargetPrefix/></LoggingEnabled>\
                   </BucketLoggingStatus>";
    put("logging", logging).await.is_error(501, "NotImplemented");
    for name in ["requestPayment", "accelerate"] {
        put(name, "<X/>").await.is_error(400, "MalformedXML");
    }
    for name in ["replication", "encryption"] {
        put(name, "<X/>").await.is_error(501, "NotImplemented");
        home.on("DELETE").flag(name).await.is(204);
    }
    assert_eq!(home.on("GET").flag("requestPayment").await.is(200).xml().text("Payer"), "BucketOwner");
    assert_eq!(home.on("GET").flag("accelerate").await.is(200).xml().get("Status"), None);
}
