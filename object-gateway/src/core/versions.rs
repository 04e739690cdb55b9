//! Which versions of a key clients see. Of those called `null` only the newest is there; what a delete leaves where no
//! versions are kept is none.

use super::record::{Kind, Record};

/// The versions that are there, of all rows of a key, the newest first.
pub fn effective(rows: Vec<Record>) -> Vec<Record> {
    let mut seen_null = false;
    rows.into_iter()
        .filter(|row| !row.null || !std::mem::replace(&mut seen_null, true))
        .filter(|row| row.kind != Kind::Deleted)
        .collect()
}

/// The version that becomes the head when the head goes.
pub fn next_head<'a>(rows: &'a [Record], gone: &Record) -> Option<&'a Record> {
    let mut seen_null = gone.null;
    rows.iter()
        .filter(|row| row.id != gone.id)
        .filter(|row| !row.null || !std::mem::replace(&mut seen_null, true))
        .find(|row| row.kind != Kind::Deleted)
}

#[cfg(test)]
mod tests {
    use super::{super::record::VersionId, *};

    fn row(at: u64, null: bool) -> Record {
        Record {
            id: VersionId::new(at, 0),
            null,
            kind: Kind::DeleteMarker {
                owner: String::new(),
            },
        }
    }

    fn times<'a>(rows: impl IntoIterator<Item = &'a Record>) -> Vec<u64> {
        rows.into_iter().map(|row| row.id.at()).collect()
    }

    #[test]
    fn only_the_newest_null_version_is_there() {
        let rows = vec![row(5, false), row(4, true), row(3, false), row(2, true)];
        assert_eq!(times(&effective(rows)), [5, 4, 3]);
    }

    #[test]
    fn what_a_plain_delete_leaves_is_no_version_and_hides_older_ones() {
        let rows = vec![Record::deleted(VersionId::new(5, 0)), row(4, true)];
        assert!(effective(rows).is_empty());
    }

    #[test]
    fn a_null_version_that_was_replaced_does_not_come_back() {
        let rows = [row(5, true), row(4, true), row(3, false)];
        assert_eq!(times(next_head(&rows, &rows[0])), [3]);
        let rows = [row(5, false), row(4, true)];
        assert_eq!(times(next_head(&rows, &rows[0])), [4]);
        assert_eq!(next_head(&rows[1..], &rows[1]), None);
    }
}
