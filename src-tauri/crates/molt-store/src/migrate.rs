//! Bringing a file's format up to date, one file of SQL per version.

use rusqlite::{Connection, TransactionBehavior};

/// Number n brings a file from format n to n + 1 (`user_version`). A released one is never changed.
pub(crate) const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001.sql"),
    include_str!("../migrations/0002.sql"),
    include_str!("../migrations/0003.sql"),
    include_str!("../migrations/0004.sql"),
    include_str!("../migrations/0005.sql"),
    include_str!("../migrations/0006.sql"),
    include_str!("../migrations/0007.sql"),
    include_str!("../migrations/0008.sql"),
];

/// Runs what is missing. Each step is one transaction with its version number: a crash leaves the step done or not begun.
pub(crate) fn run(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 =
            transaction.query_row("SELECT user_version FROM pragma_user_version", [], |row| row.get(0))?;
        let Some(sql) = usize::try_from(version).ok().and_then(|n| migrations.get(n)) else {
            return Ok(());
        };
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.commit()?;
        tracing::info!(from = version, to = version + 1, "data format updated");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[&str] =
        &["CREATE TABLE a (x TEXT); INSERT INTO a VALUES ('kept')", "ALTER TABLE a ADD COLUMN y TEXT DEFAULT 'new'"];

    fn version(connection: &Connection) -> i64 {
        connection.query_row("SELECT user_version FROM pragma_user_version", [], |r| r.get(0)).unwrap()
    }

    #[test]
    fn an_old_file_is_brought_up_to_date_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection, &TWO[..1]).unwrap();
        assert_eq!(version(&connection), 1);
        for _ in 0..2 {
            run(&mut connection, TWO).unwrap();
            assert_eq!(version(&connection), 2);
        }
        let row = connection.query_row("SELECT x, y FROM a", [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
        assert_eq!(row, ("kept".to_owned(), "new".to_owned()));
    }

    #[test]
    fn tasks_are_kept_without_the_number_of_their_change() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection, &MIGRATIONS[..7]).unwrap();
        let put = "INSERT INTO tasks (id, title, notes, priority, created_at, updated_at, revision) VALUES ('t', 'tea', '', '', '', '', 3)";
        connection.execute(put, []).unwrap();
        run(&mut connection, MIGRATIONS).unwrap();
        let title: String = connection.query_row("SELECT title FROM tasks", [], |row| row.get(0)).unwrap();
        assert_eq!(title, "tea");
        assert!(connection.prepare("SELECT revision FROM tasks").is_err());
    }

    #[test]
    fn a_failing_step_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        let broken = [TWO[0], "CREATE TABLE b (x TEXT); INSERT INTO nowhere VALUES (1)"];
        assert!(run(&mut connection, &broken).is_err());
        assert_eq!(version(&connection), 1);
        let tables: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_master WHERE name = 'b'", [], |r| r.get(0)).unwrap();
        assert_eq!(tables, 0);
        run(&mut connection, TWO).unwrap();
        assert_eq!(version(&connection), 2);
    }
}
