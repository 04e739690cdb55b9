//! Tokens of service accounts: good while the account is there that they were made for, and some seconds longer.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{
    catalogue::Catalogue,
    refusal::Refusal,
    request::User,
    store::{Key, Store},
};

/// How long a token that was found good is not looked at again (kube-apiserver, `TokenSuccessCacheTTL`).
const TAKEN_UNSEEN: SignedDuration = SignedDuration::from_secs(10);

/// When each token was last found good, by the account's UID and the pod that it was given to.
#[derive(Default)]
pub(crate) struct Tokens {
    found_good: BTreeMap<(String, String), Timestamp>,
}

impl Tokens {
    /// Refuses a user whose token is not good any more. Who has none is known by other means.
    pub(crate) fn check(
        &mut self,
        catalogue: &Catalogue,
        store: &Store,
        user: &User,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(uid) = &user.account_uid else {
            return Ok(());
        };
        let of = (uid.clone(), user.pod().unwrap_or_default().to_owned());
        let unseen = |found: &Timestamp| now.duration_since(*found) < TAKEN_UNSEEN;
        if self.found_good.get(&of).is_some_and(unseen) {
            return Ok(());
        }
        if account_uid(catalogue, store, &user.name).as_ref() != Some(uid) {
            return Err(Refusal::new(401, "Unauthorized", "Unauthorized"));
        }
        self.found_good.insert(of, now);
        Ok(())
    }
}

/// The UID of the account that is there now.
fn account_uid(catalogue: &Catalogue, store: &Store, user: &str) -> Option<String> {
    let (namespace, name) = user
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    let key = Key {
        resource: catalogue.named("v1", "ServiceAccount")?.id,
        namespace: namespace.into(),
        name: name.into(),
    };
    let account = store.get(&key)?.value();
    Some(account.pointer("/metadata/uid")?.as_str()?.to_owned())
}
