//! Changes of a stored object's list or tags. The record is written again one microsecond above the old one, so that
//! whatever was written meanwhile wins over the change.

use super::{Gateway, Located, Result, persist};
use crate::{
    core::record::{Kind, Object, Record},
    store::Mutation,
};

impl Gateway {
    /// Changes the record of an object that was found.
    pub async fn amend(&self, located: &Located, change: impl FnOnce(&mut Object)) -> Result<()> {
        let mut record = located.record.clone();
        located.object()?;
        if let Kind::Object(object) = &mut record.kind {
            change(object);
        }
        let cell = record.encode()?;
        let mut written = located.written;
        let mut is_head = located.is_head;
        if !is_head && let Some(head) = persist(|| self.store.head(&located.slot)).await? {
            is_head = Record::decode(&head.bytes)?.id == record.id;
            written = if is_head {
                written.max(head.written)
            } else {
                written
            };
        }
        let mutation = Mutation {
            head: is_head.then(|| cell.clone()),
            version: Some((record.id, cell)),
            ..Mutation::default()
        };
        self.commit(&located.slot, &mutation, written + 1).await
    }
}
