//! What a reader of a whole list has to be told after it has read it once.

use std::{
    collections::{HashSet, VecDeque},
    fmt::{self, Display, Formatter},
    hash::Hash,
};

/// Rows told at once: so many documents are eight hundred kilobytes, tasks one megabyte.
pub const PAGE: usize = 2_000;
/// Changes that are remembered. Who has missed more reads the list anew.
const KEPT: usize = 10_000;

/// How far a reader has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark<'a> {
    /// Who counts the changes: after a start, or with other data in place, numbers mean something else.
    history: &'a str,
    /// Number of the last change that the reader knows of.
    revision: u64,
    /// Row up to which the whole list has been read; nothing when all of it has been.
    read_to: Option<&'a str>,
}

/// `history/revision` or `history/revision/read_to`.
impl Display for Mark<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.history, self.revision)?;
        self.read_to.map_or(Ok(()), |read_to| write!(f, "/{read_to}"))
    }
}

impl<'a> Mark<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(3, '/');
        let (history, revision) = (parts.next()?, parts.next()?.parse().ok()?);
        Some(Self { history, revision, read_to: parts.next() })
    }
}

/// What became of a list since some moment, or a page of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes<T, Id> {
    /// To ask with next time; it means nothing to anybody else.
    pub mark: String,
    /// The list is told anew from here on; what the reader had before is worth nothing.
    pub whole: bool,
    /// There is more to be told at once.
    pub more: bool,
    pub changed: Vec<T>,
    pub removed: Vec<Id>,
}

/// The last changes of a list. They are kept in memory only: who has read the list has read it since the start.
#[derive(Debug)]
pub struct Recent<Id> {
    history: String,
    /// Number of the last change, which is that of the last of `ids`.
    last: u64,
    ids: VecDeque<Id>,
}

impl<Id> Default for Recent<Id> {
    fn default() -> Self {
        Self { history: uuid::Uuid::new_v4().simple().to_string(), last: 0, ids: VecDeque::new() }
    }
}

impl<Id: Clone + Eq + Hash + Display> Recent<Id> {
    /// These were changed or removed. To be called after it is so: what is told is then never older than the mark.
    pub fn note(&mut self, ids: impl IntoIterator<Item = Id>) {
        for id in ids {
            self.ids.push_back(id);
            self.last += 1;
            if self.ids.len() > KEPT {
                self.ids.pop_front();
            }
        }
    }

    /// What changed after `since`, or the next rows of a list that is not read yet; at most so many. The list begins anew without a mark,
    /// with that of another history, and when too much was missed.
    ///
    /// `row` gives one row, `rows` as many as it is told to that come after a row or from the beginning, in an order of its own.
    ///
    /// # Errors
    /// Those of `row` and `rows`.
    pub fn tell<T, E>(
        &self,
        since: Option<&str>,
        most: usize,
        id_of: impl Fn(&T) -> &Id,
        row: impl Fn(&Id) -> Result<Option<T>, E>,
        rows: impl FnOnce(Option<&str>, usize) -> Result<Vec<T>, E>,
    ) -> Result<Changes<T, Id>, E> {
        let mark = |revision, read_to| Mark { history: &self.history, revision, read_to }.to_string();
        let since = since.and_then(Mark::parse).filter(|since| since.history == self.history);
        if let Some(Mark { mut revision, read_to: None, .. }) = since
            && let Some(missed) = self.after(revision)
        {
            let (mut told, mut changed, mut removed) = (HashSet::new(), Vec::new(), Vec::new());
            for id in missed {
                if told.len() == most && !told.contains(id) {
                    break;
                }
                revision += 1;
                if told.insert(id) {
                    match row(id)? {
                        Some(row) => changed.push(row),
                        None => removed.push(id.clone()),
                    }
                }
            }
            let more = revision < self.last;
            return Ok(Changes { mark: mark(revision, None), whole: false, more, changed, removed });
        }
        // What changes while the list is read, in whichever part, comes again after it.
        let begun = since.and_then(|since| Some((since.revision, since.read_to?)));
        let mut changed = rows(begun.map(|(_, read_to)| read_to), most.saturating_add(1))?;
        let more = changed.len() > most;
        changed.truncate(most);
        let read_to = changed.last().filter(|_| more).map(|row| id_of(row).to_string());
        let revision = begun.map_or(self.last, |(revision, _)| revision);
        Ok(Changes {
            mark: mark(revision, read_to.as_deref()),
            whole: begun.is_none(),
            more,
            changed,
            removed: Vec::new(),
        })
    }

    /// The changes after this one, oldest first, if they are remembered.
    fn after(&self, revision: u64) -> Option<impl Iterator<Item = &Id>> {
        let missed = usize::try_from(self.last.checked_sub(revision)?).ok()?;
        Some(self.ids.iter().skip(self.ids.len().checked_sub(missed)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tell(recent: &Recent<u32>, since: &str, most: usize) -> (bool, bool, Vec<u32>, String) {
        let row = |id: &u32| Ok::<_, ()>(Some(*id));
        let told = recent.tell(Some(since), most, |id| id, row, |_, _| Ok(vec![])).unwrap();
        (told.whole, told.more, told.changed, told.mark)
    }

    fn at(recent: &Recent<u32>, revision: u64) -> String {
        Mark { history: &recent.history, revision, read_to: None }.to_string()
    }

    #[test]
    fn what_changed_often_is_told_once_and_much_in_parts() {
        let mut recent = Recent::default();
        recent.note([1, 2, 1, 3, 2, 4]);
        let (whole, more, told, mark) = tell(&recent, &at(&recent, 0), 3);
        assert_eq!((whole, more, told), (false, true, vec![1, 2, 3]));
        let (whole, more, told, mark) = tell(&recent, &mark, 3);
        assert_eq!((whole, more, told), (false, false, vec![4]));
        assert_eq!(tell(&recent, &mark, 3), (false, false, vec![], mark));
    }

    #[test]
    fn who_missed_more_than_is_remembered_begins_anew() {
        let mut recent = Recent::default();
        recent.note(0..KEPT as u32);
        let (begin, one, future) = (at(&recent, 0), at(&recent, 1), at(&recent, KEPT as u64 + 2));
        assert_eq!(tell(&recent, &begin, usize::MAX).2.len(), KEPT);
        recent.note([7]);
        assert!(tell(&recent, &begin, 3).0);
        assert!(!tell(&recent, &one, 3).0);
        assert!(tell(&recent, &future, 3).0, "a number that was never given out");
        assert!(tell(&Recent::default(), &one, 3).0, "another history");
    }

    #[test]
    fn a_mark_is_text() {
        for read_to in [None, Some("a/b c")] {
            let mark = Mark { history: "h", revision: 12, read_to };
            assert_eq!(Mark::parse(&mark.to_string()), Some(mark));
        }
        for nonsense in ["", "x", "x/", "x/y", "x/-1", "/x/1"] {
            assert_eq!(Mark::parse(nonsense), None, "{nonsense:?}");
        }
    }
}
