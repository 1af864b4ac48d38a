//! What every list promises to who reads it once and then asks what changed.

use molt_core::*;

/// A list of rows with a text each.
pub trait List {
    /// In one call of the store.
    fn put(&self, rows: &[(&str, &str)]);
    fn remove(&self, id: &str);
    /// Rows as `id=text`.
    fn changes(&self, since: Option<&str>, most: usize) -> Changes<String, String>;

    fn told(&self, mark: &mut Option<String>, most: usize) -> Told {
        let changes = self.changes(mark.as_deref(), most);
        *mark = Some(changes.mark);
        (changes.whole, changes.more, changes.changed, changes.removed)
    }
}

/// Whether anew, whether there is more, rows, ids.
type Told = (bool, bool, Vec<String>, Vec<String>);

fn expected(whole: bool, more: bool, changed: &[&str], removed: &[&str]) -> Told {
    let owned = |texts: &[&str]| texts.iter().map(ToString::to_string).collect();
    (whole, more, owned(changed), owned(removed))
}

/// For an empty list.
pub fn changes_contract(list: &dyn List) {
    let mut mark = None;
    let nothing = expected(false, false, &[], &[]);
    assert_eq!(list.told(&mut mark, 3), expected(true, false, &[], &[]));
    assert_eq!(list.told(&mut mark, 3), nothing);
    list.put(&[("a", "one"), ("b", "two"), ("c", "three")]);
    assert_eq!(list.told(&mut mark, 3), expected(false, false, &["a=one", "b=two", "c=three"], &[]));
    assert_eq!(list.told(&mut mark, 3), nothing);
    list.put(&[("c", "changed")]);
    list.put(&[("c", "moved")]);
    assert_eq!(list.told(&mut mark, 3), expected(false, false, &["c=moved"], &[]));
    list.remove("c");
    list.put(&[("a", "1")]);
    assert_eq!(list.told(&mut mark, 3), expected(false, false, &["a=1"], &["c"]));
    // More than is told at once comes in parts.
    list.put(&[("a", "I"), ("b", "II"), ("d", "IV")]);
    assert_eq!(list.told(&mut mark, 2), expected(false, true, &["a=I", "b=II"], &[]));
    assert_eq!(list.told(&mut mark, 2), expected(false, false, &["d=IV"], &[]));

    assert_eq!(list.told(&mut None, 3), expected(true, false, &["a=I", "b=II", "d=IV"], &[]));
    for unknown in ["", "nonsense", "nonsense/1", "nonsense/1/b"] {
        assert_eq!(list.told(&mut Some(unknown.into()), 3), expected(true, false, &["a=I", "b=II", "d=IV"], &[]));
    }

    while_it_is_read(list);
}

/// With the rows a, b and d.
fn while_it_is_read(list: &dyn List) {
    list.put(&[("e", "V")]);
    let mut mark = None;
    assert_eq!(list.told(&mut mark, 2), expected(true, true, &["a=I", "b=II"], &[]));
    // One that was read and one that was not are changed before the list comes to its end, one is removed, one is new.
    list.put(&[("a", "A"), ("d", "D")]);
    list.remove("b");
    list.put(&[("f", "F")]);
    assert_eq!(list.told(&mut mark, 2), expected(false, true, &["d=D", "e=V"], &[]));
    assert_eq!(list.told(&mut mark, 2), expected(false, false, &["f=F"], &[]));
    assert_eq!(list.told(&mut mark, 9), expected(false, false, &["a=A", "d=D", "f=F"], &["b"]));
    assert_eq!(list.told(&mut mark, 9), expected(false, false, &[], &[]));
}
