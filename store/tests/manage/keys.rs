//! Keys: minted as a subset, shown without secrets, gone at once.

use windlass_store::ErrorKind;
use windlass_store::id::BucketId;
use windlass_store::key::{NewApiKey, Scope, Scopes, TokenAnswer};
use windlass_store::name::BucketName;
use windlass_store::policy::{Action, Principal, Resource};

use crate::home::{DAY, Home, NOW, id_of, key_of, plan};

fn new(scopes: Scopes, buckets: Option<Vec<BucketId>>) -> NewApiKey {
    NewApiKey { name: "a key".to_owned(), scopes, buckets, expires_ms: None }
}

#[tokio::test]
async fn a_minted_key_signs_and_bears_at_once_and_after_its_end_not_once_more() {
    let home = Home::new(plan()).await;
    let (id, made) = home.store.create_key(&home.may(Action::CreateKey), new(Scopes::ALL, None)).await.unwrap();
    let token = made.token.clone().unwrap();
    let (by_id, secret) = home.store.key_by_access_id(&made.access_key_id).unwrap().unwrap();
    assert_eq!((by_id.key, secret), (id, made.secret_access_key.clone()));
    let (by_token, secret) = home.store.key_by_access_id(&token).unwrap().unwrap();
    assert_eq!((by_token, secret), (by_id.clone(), token.clone()), "a token is an access key id and its own secret");
    assert_eq!(home.store.authenticate_token(&token).unwrap(), TokenAnswer::Known(by_id));

    home.store.delete_key(&home.may(Action::DeleteKey), id).await.unwrap();
    assert_eq!(home.store.key_by_access_id(&made.access_key_id).unwrap(), None);
    assert_eq!(home.store.key_by_access_id(&token).unwrap(), None);
    assert_eq!(home.store.authenticate_token(&token).unwrap(), TokenAnswer::Unknown);
    let again = home.store.delete_key(&home.may(Action::DeleteKey), id).await.unwrap_err();
    assert_eq!((again.kind(), again.message()), (ErrorKind::NoSuchKeyId, "API key not found"));
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn a_key_mints_nothing_that_is_more_than_itself() {
    let home = Home::new(plan()).await;
    let (mine, also_mine) = (home.bucket("mine").await.id, home.bucket("also-mine").await.id);
    let scopes = Scopes::of(&[Scope::KeysWrite, Scope::FilesRead]);
    let mint = |by: &Principal| home.store.authorize(by, Action::CreateKey, Resource::Service).unwrap();
    let narrow = new(scopes, Some(vec![mine]));
    let (_, made) = home.store.create_key(&home.may(Action::CreateKey), narrow).await.unwrap();
    let minter = Principal::Key(home.store.key_by_access_id(&made.access_key_id).unwrap().unwrap().0);

    for wider in [
        new(scopes.with(Scope::FilesWrite), Some(vec![mine])),
        new(scopes, None),
        new(scopes, Some(vec![mine, also_mine])),
        // It must not learn that this one does not exist.
        new(scopes, Some(vec![BucketId([9; 16])])),
    ] {
        let error = home.store.create_key(&mint(&minter), wider.clone()).await.unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::AccessDenied, "Insufficient permissions"), "{wider:?}");
    }
    for narrower in [new(scopes, Some(vec![mine])), new(Scopes::of(&[]), Some(vec![]))] {
        home.store.create_key(&mint(&minter), narrower).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_key_is_made_of_is_checked() {
    let home = Home::new(plan()).await;
    let mine = home.bucket("mine").await.id;
    let theirs = home.store.authorize(&home.other, Action::CreateBucket, Resource::Service).unwrap();
    let theirs =
        home.store.create_bucket(&theirs, BucketName::parse("theirs").unwrap(), String::new(), false).await.unwrap().id;
    let (may, missing) = (home.may(Action::CreateKey), BucketId([9; 16]));
    let told = |key: NewApiKey| {
        let (store, may) = (&home.store, may.clone());
        async move { store.create_key(&may, key).await.unwrap_err() }
    };
    let error = told(new(Scopes::ALL, Some(vec![mine, theirs, missing]))).await;
    let expected = format!("Invalid bucket IDs: bkt_{theirs}, bkt_{missing}");
    assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidArgument, expected.as_str()));
    for expires_ms in [0, NOW - 1, NOW] {
        let error = told(NewApiKey { expires_ms: Some(expires_ms), ..new(Scopes::ALL, None) }).await;
        assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidArgument, "expiresAt must be in the future"));
    }
    for name in [String::new(), "é".repeat(101)] {
        let error = told(NewApiKey { name, ..new(Scopes::ALL, None) }).await;
        assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidArgument, "name must be 1 to 100 characters"));
    }
    let longest = NewApiKey { name: "é".repeat(100), ..new(Scopes::ALL, Some(vec![mine, mine])) };
    let (id, _) = home.store.create_key(&may, longest).await.unwrap();
    assert_eq!(home.store.get_key(&home.may(Action::GetKey), id).unwrap().buckets, Some(vec![mine]));
}

#[tokio::test]
async fn a_key_ends_when_it_was_to_and_what_it_minted_ends_no_later() {
    let home = Home::new(plan()).await;
    let for_a_day = NewApiKey { expires_ms: Some(NOW + DAY), ..new(Scopes::ALL, None) };
    let (_, made) = home.store.create_key(&home.may(Action::CreateKey), for_a_day).await.unwrap();
    let (token, minter) = (made.token.unwrap(), home.store.key_by_access_id(&made.access_key_id).unwrap().unwrap().0);
    let minter = Principal::Key(minter);
    let may = home.store.authorize(&minter, Action::CreateKey, Resource::Service).unwrap();
    let get = home.may(Action::GetKey);
    for (wanted, given) in [(None, NOW + DAY), (Some(NOW + 2 * DAY), NOW + DAY), (Some(NOW + 5), NOW + 5)] {
        let key = NewApiKey { expires_ms: wanted, ..new(Scopes::ALL, None) };
        let (id, _) = home.store.create_key(&may, key).await.unwrap();
        assert_eq!(home.store.get_key(&get, id).unwrap().expires_ms, Some(given));
    }
    home.clock.set(NOW + DAY - 1);
    assert!(matches!(home.store.authenticate_token(&token).unwrap(), TokenAnswer::Known(_)));
    home.clock.set(NOW + DAY);
    assert_eq!(home.store.authenticate_token(&token).unwrap(), TokenAnswer::Expired);
    assert_eq!(home.store.key_by_access_id(&made.access_key_id).unwrap(), None);
    assert_eq!(home.store.key_by_access_id(&token).unwrap(), None);
}

#[tokio::test]
async fn keys_are_listed_in_pages_to_their_own_organisation() {
    let home = Home::new(plan()).await;
    for _ in 0..6 {
        home.store.create_key(&home.may(Action::CreateKey), new(Scopes::ALL, None)).await.unwrap();
    }
    let list = home.may(Action::ListKeys);
    let (mut keys, mut after) = (Vec::new(), None);
    loop {
        let (page, next) = home.store.list_keys(&list, after, 3).unwrap();
        assert!(page.len() <= 3);
        keys.extend(page);
        after = next;
        if after.is_none() {
            break;
        }
    }
    let ids: Vec<_> = keys.iter().map(|key| key.id).collect();
    assert!(ids.is_sorted() && ids.len() == 7, "six and the declared one: {ids:?}");
    let declared = keys.iter().find(|key| key.id == id_of(&home.acme)).unwrap();
    assert_eq!((declared.prefix.as_str(), declared.name.as_str()), ("ACME", "acme"));
    assert!(keys.iter().filter(|key| key.id != declared.id).all(|key| key.prefix.starts_with("bkt_")));
    assert!(keys.iter().all(|key| key.prefix.len() <= 8));

    let get = home.store.authorize(&home.other, Action::GetKey, Resource::Service).unwrap();
    let delete = home.store.authorize(&home.other, Action::DeleteKey, Resource::Service).unwrap();
    assert_eq!(home.store.get_key(&get, declared.id).unwrap_err().kind(), ErrorKind::NoSuchKeyId);
    assert_eq!(home.store.delete_key(&delete, declared.id).await.unwrap_err().kind(), ErrorKind::NoSuchKeyId);
}

#[tokio::test]
async fn a_use_is_shown_at_once_and_is_there_after_a_restart() {
    let mut home = Home::new(plan()).await;
    let (id, made) = home.store.create_key(&home.may(Action::CreateKey), new(Scopes::ALL, None)).await.unwrap();
    let used = |home: &Home| home.store.get_key(&home.may(Action::GetKey), id).unwrap().last_used_ms;
    assert_eq!(used(&home), None);
    let commits = home.store.counters().meta.commits;
    let user = Principal::Key(home.store.key_by_access_id(&made.access_key_id).unwrap().unwrap().0);
    home.clock.set(NOW + 5);
    // What it asks for is refused; it was used all the same.
    home.store.authorize(&user, Action::GetBucket, Resource::BucketId(BucketId([9; 16]))).unwrap_err();
    assert_eq!(used(&home), Some(NOW + 5));
    assert_eq!(home.store.counters().meta.commits, commits, "no request waits for a commit of it");
    home.store.flush_counters().await.unwrap();
    assert_eq!(used(&home), Some(NOW + 5));
    home.reopen();
    assert_eq!(used(&home), Some(NOW + 5));

    // A use that is flushed after the key's end must not bring anything back.
    home.store.authorize(&user, Action::ReadBilling, Resource::Service).unwrap();
    home.store.delete_key(&home.may(Action::DeleteKey), id).await.unwrap();
    home.store.flush_counters().await.unwrap();
    assert_eq!(home.check(), []);
}

#[tokio::test]
async fn what_is_no_token_is_nobody_s() {
    let home = Home::new(plan()).await;
    let long = format!("bkt_{}", "a".repeat(4096));
    for token in
        ["", "bkt_", "ACME", long.as_str(), &format!("bkt_{}", "a".repeat(43)), &format!("bkt_{}", "é".repeat(43))]
    {
        assert_eq!(home.store.authenticate_token(token).unwrap(), TokenAnswer::Unknown, "{token:.20}");
        assert!(token == "ACME" || home.store.key_by_access_id(token).unwrap().is_none());
    }
    assert_eq!(key_of(&home.acme).scopes, Scopes::ALL);
}
