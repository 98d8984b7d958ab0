//! Turns what the settings say about keys and organisations into what the store is to make of it.

use windlass_config::{Fault, Faults, Key, Organisation, Root, Settings};
use windlass_store::bootstrap::{Bootstrap, DeclaredKey, NewOrganisation};
use windlass_store::key::{Credentials, Scope, Scopes};
use windlass_store::name::BucketName;

/// What to make at the start. All names and scopes that are not valid are told at once.
pub(crate) fn plan(settings: &Settings) -> Result<Bootstrap, Faults> {
    let mut faults = Faults::default();
    let organisations = settings
        .organisations
        .iter()
        .enumerate()
        .map(|(i, organisation)| new_organisation(&format!("organisation[{i}]"), organisation, &mut faults))
        .collect();
    faults.or(Bootstrap { root: root(&settings.root), organisations })
}

fn root(root: &Root) -> Option<Credentials> {
    Some(Credentials {
        access_key_id: root.access_key.clone()?,
        secret_access_key: root.secret_key.as_ref()?.expose().to_owned(),
        token: root.token.as_ref().map(|token| token.expose().to_owned()),
    })
}

fn new_organisation(path: &str, organisation: &Organisation, faults: &mut Faults) -> NewOrganisation {
    NewOrganisation {
        name: organisation.name.clone(),
        buckets: bucket_names(&format!("{path}.buckets"), &organisation.buckets, faults),
        keys: organisation
            .keys
            .iter()
            .enumerate()
            .map(|(i, key)| declared_key(&format!("{path}.key[{i}]"), key, faults))
            .collect(),
    }
}

fn declared_key(path: &str, key: &Key, faults: &mut Faults) -> DeclaredKey {
    DeclaredKey {
        name: key.name.clone(),
        credentials: Credentials {
            access_key_id: key.access_key_id.clone(),
            secret_access_key: key.secret_access_key.expose().to_owned(),
            token: key.token.as_ref().map(|token| token.expose().to_owned()),
        },
        scopes: key.scopes.as_ref().map_or(Scopes::ALL, |names| scopes(&format!("{path}.scopes"), names, faults)),
        buckets: key.buckets.as_ref().map(|names| bucket_names(&format!("{path}.buckets"), names, faults)),
        expires_ms: key.expires_at,
    }
}

fn bucket_names(path: &str, names: &[String], faults: &mut Faults) -> Vec<BucketName> {
    let parse = |name: &String| match BucketName::parse(name) {
        Ok(name) => Some(name),
        Err(_) => {
            faults.push(Fault::value(path, &format!("{name:?}"), "bucket names as S3 has them"));
            None
        }
    };
    names.iter().filter_map(parse).collect()
}

fn scopes(path: &str, names: &[String], faults: &mut Faults) -> Scopes {
    let mut scopes = Scopes::of(&[]);
    for name in names {
        match Scope::ALL.iter().find(|scope| scope.name() == name) {
            Some(scope) => scopes = scopes.with(*scope),
            None => {
                let known: Vec<&str> = Scope::ALL.iter().map(|scope| scope.name()).collect();
                faults.push(Fault::value(path, &format!("{name:?}"), &known.join(", ")));
            }
        }
    }
    scopes
}

#[cfg(test)]
mod tests {
    use windlass_config::Secret;

    use super::*;

    fn settings(buckets: &[&str], scopes: Option<&[&str]>) -> Settings {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let key = Key { scopes: scopes.map(own), ..Key::default() };
        let organisation = Organisation { name: "acme".to_owned(), buckets: own(buckets), keys: vec![key] };
        Settings { organisations: vec![organisation], ..Settings::default() }
    }

    #[test]
    fn a_key_without_scopes_has_all_of_them_and_with_none_has_none() {
        let scopes_of = |settings| plan(&settings).unwrap().organisations[0].keys[0].scopes;
        assert_eq!(scopes_of(settings(&[], None)), Scopes::ALL);
        assert_eq!(scopes_of(settings(&[], Some(&[]))), Scopes::of(&[]));
        assert_eq!(scopes_of(settings(&[], Some(&["files:read"]))), Scopes::of(&[Scope::FilesRead]));
    }

    #[test]
    fn every_wrong_name_is_told() {
        let told = plan(&settings(&["Photos", "ok-name"], Some(&["files:reed"]))).unwrap_err().to_string();
        assert!(told.contains("organisation[0].buckets: \"Photos\" is not accepted"), "{told}");
        assert!(told.contains("organisation[0].key[0].scopes: \"files:reed\" is not accepted"), "{told}");
        assert_eq!(told.lines().count(), 2);
    }

    #[test]
    fn the_root_key_is_given_by_a_pair() {
        let mut settings = Settings::default();
        assert!(plan(&settings).unwrap().root.is_none());
        settings.root.access_key = Some("ROOT".to_owned());
        settings.root.secret_key = Some(Secret::new("not-so-secret"));
        assert_eq!(plan(&settings).unwrap().root.unwrap().access_key_id, "ROOT");
    }
}
