//! Share links: they lead to one object, for a time, and no further than the key that made them.

use futures::StreamExt;
use windlass_store::ErrorKind;
use windlass_store::key::{NewApiKey, Scope, Scopes};
use windlass_store::object::GetObject;
use windlass_store::policy::{Action, Principal, Resource};
use windlass_store::share::{NewShare, ShareAnswer};

use crate::home::{DAY, Home, NOW, id_of, key, plan};

fn new(name: &str, password: Option<&str>) -> NewShare {
    NewShare { key: key(name), lasts_ms: DAY, password: password.map(str::to_owned) }
}

/// How many bytes a code leads to; nothing if it leads nowhere.
async fn follow(home: &Home, code: &str) -> Option<usize> {
    match home.store.open_share(code, None).await.unwrap() {
        ShareAnswer::Open { grant, key, .. } => {
            let get = GetObject::whole(key);
            let (_, bytes) = home.store.get_object(&grant, &get).await.unwrap();
            Some(bytes.map(|piece| piece.unwrap().len()).collect::<Vec<_>>().await.into_iter().sum())
        }
        ShareAnswer::Unknown => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_link_leads_to_its_object_until_it_ends_and_is_then_swept() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    home.put(bucket, "a", 5_000).await.unwrap();
    let (share, code) = home.store.create_share(&home.on(Action::CreateShare, bucket), new("a", None)).await.unwrap();
    assert_eq!((share.key.as_str(), share.created_ms, share.expires_ms), ("a", NOW, NOW + DAY));
    assert_eq!((share.made_by, share.has_password, code.len()), (id_of(&home.acme), false, 24));
    assert_eq!(follow(&home, &code).await, Some(5_000));
    for other in ["", "x", &"a".repeat(24), &"a".repeat(10_000)] {
        assert_eq!(follow(&home, other).await, None);
    }
    home.clock.set(NOW + DAY - 1);
    assert_eq!(follow(&home, &code).await, Some(5_000));
    home.clock.set(NOW + DAY);
    assert_eq!(follow(&home, &code).await, None);
    let list = home.on(Action::ListShares, bucket);
    assert_eq!(home.store.list_shares(&list, None, 10).unwrap(), (vec![], None));
    let error = home.store.revoke_share(&home.on(Action::RevokeShare, bucket), share.id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchShare);
    assert_eq!(home.store.sweep_step().await.unwrap().rows, 1);
    while home.store.sweep_step().await.unwrap().more {}
    drop(list);
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn a_password_is_asked_for_and_must_fit() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    home.put(bucket, "a", 5).await.unwrap();
    let create = home.on(Action::CreateShare, bucket);
    let (share, code) = home.store.create_share(&create, new("a", Some("open sesame"))).await.unwrap();
    assert!(share.has_password);
    let open = |password: Option<&str>| home.store.open_share(&code, password.map(str::to_owned));
    assert!(matches!(open(None).await.unwrap(), ShareAnswer::PasswordNeeded));
    assert!(matches!(open(Some("open")).await.unwrap(), ShareAnswer::PasswordWrong));
    assert!(matches!(open(Some(&"x".repeat(100_000))).await.unwrap(), ShareAnswer::PasswordWrong));
    assert!(matches!(open(Some("open sesame")).await.unwrap(), ShareAnswer::Open { .. }));
    for password in ["", &"x".repeat(129)] {
        let error = home.store.create_share(&create, new("a", Some(password))).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidArgument, "password must be 1 to 128 bytes"));
    }
}

#[tokio::test]
async fn a_link_can_be_revoked_and_ends_with_the_key_that_made_it() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    home.put(bucket, "a", 5).await.unwrap();
    let create = home.on(Action::CreateShare, bucket);
    let (share, code) = home.store.create_share(&create, new("a", None)).await.unwrap();
    let reader = NewApiKey {
        name: "reader".to_owned(),
        scopes: Scopes::of(&[Scope::FilesRead]),
        buckets: Some(vec![bucket]),
        expires_ms: None,
    };
    let (reader_id, made) = home.store.create_key(&home.may(Action::CreateKey), reader).await.unwrap();
    let reader = Principal::Key(home.store.key_by_access_id(&made.access_key_id).unwrap().unwrap().0);
    let by_reader = |action| home.grant_on(&reader, action, bucket).unwrap();
    let error = home.store.revoke_share(&by_reader(Action::RevokeShare), share.id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "another key's link");
    let (own, _) = home.store.create_share(&by_reader(Action::CreateShare), new("a", None)).await.unwrap();
    home.store.revoke_share(&by_reader(Action::RevokeShare), own.id).await.unwrap();
    assert_eq!(follow(&home, &code).await, Some(5));
    home.store.revoke_share(&home.on(Action::RevokeShare, bucket), share.id).await.unwrap();
    assert_eq!(follow(&home, &code).await, None);

    let (_, lent) = home.store.create_share(&by_reader(Action::CreateShare), new("a", None)).await.unwrap();
    assert_eq!(follow(&home, &lent).await, Some(5));
    home.store.delete_key(&home.may(Action::DeleteKey), reader_id).await.unwrap();
    assert_eq!(follow(&home, &lent).await, None);
    drop(create);
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn links_are_listed_in_pages_and_made_of_what_is_there() {
    let home = Home::new(plan()).await;
    let bucket = home.bucket("bucket").await.id;
    home.put(bucket, "a", 5).await.unwrap();
    let create = home.on(Action::CreateShare, bucket);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(home.store.create_share(&create, new("a", None)).await.unwrap().0.id);
    }
    ids.sort_unstable();
    let list = home.on(Action::ListShares, bucket);
    let (first, next) = home.store.list_shares(&list, None, 3).unwrap();
    let (rest, end) = home.store.list_shares(&list, next, 3).unwrap();
    assert_eq!((next, end), (Some(ids[2]), None));
    assert_eq!(first.iter().chain(&rest).map(|share| share.id).collect::<Vec<_>>(), ids);

    let error = home.store.create_share(&create, new("b", None)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchKey);
    for lasts_ms in [0, 999, 366 * DAY] {
        let error = home.store.create_share(&create, NewShare { lasts_ms, ..new("a", None) }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
    let error = home.store.authorize(&home.other, Action::CreateShare, Resource::BucketId(bucket)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchBucket);
}
