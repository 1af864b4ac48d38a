//! Opening, and what to do when that fails.
//!
//! Opening tries the newest version first. A version that cannot be read is put away (see [`crate::home`]) and the one
//! before it is tried; when none is left the whole table is put away and an empty one takes its place. Lance alone
//! would refuse such a table for good.

use std::{io, path::Path, sync::Arc};

use arrow_schema::SchemaRef;
use futures::TryStreamExt;
use lance::dataset::WriteParams;
use lance_table::io::commit::ConditionalPutCommitHandler;
use lancedb::{
    Connection, Table,
    index::scalar::FullTextSearchQuery,
    query::{ExecutableQuery, QueryBase, Select},
    table::{ReadParams, WriteOptions},
};
use molt_core::IndexError;
use molt_seal::Key;

use crate::{
    error::{attempt, failed, guarded, obstacle},
    home::{Home, TABLE},
    index::{KEYS, LanceIndex, WORDS, reset_indexes, reset_keys, reset_words},
    purge::Mark,
    rows::{self, CHUNK, TEXT},
    store::{self, Cipher},
};

/// The embedder whose vectors the index holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorSpace {
    /// What tells this embedder from others: vectors of different embedders cannot be compared.
    pub model: String,
    /// Length of a vector.
    pub dimension: u32,
}

/// An opened index, and what the caller must do about it.
#[derive(Debug)]
pub struct Opened {
    pub index: LanceIndex,
    /// The embedder of `index`: another than the one that was asked for, while `next` is being filled.
    pub space: Option<VectorSpace>,
    /// The index of the embedder that was asked for, which does not hold everything yet. When it does, it takes the place of the other; see
    /// [`molt_core::PassageIndex::take_over`].
    pub next: Option<LanceIndex>,
    /// The index is empty and everything must be added again: it is new, or it was damaged beyond repair.
    pub fresh: bool,
    /// The index was damaged: one sentence for people. What it holds must be compared with the catalogue, because the
    /// newest changes are missing.
    pub recovered: Option<String>,
}

impl LanceIndex {
    /// Opens the index in `folder`, which is made if need be and belongs to one process at a time. `space` is the
    /// embedder in use, `None` for searching by words alone. An index of another embedder goes on serving until the one that was asked for
    /// is complete. With a key, its files can be read by that key alone; what was written before there was one is sealed now.
    ///
    /// Fails when the disk or the system stands in the way. Damage is not a failure: see [`Opened`].
    pub async fn open(folder: &Path, key: Option<Key>, space: Option<VectorSpace>) -> Result<Opened, IndexError> {
        let schema = schema_of(space.as_ref())?;
        let folder = folder.to_owned();
        let home = match tokio::task::spawn_blocking(move || Home::prepare(&folder, Cipher::new(key))).await {
            Ok(home) => home.map_err(|error| failed("opened", &error))?,
            Err(error) => return Err(failed("opened", &error)),
        };
        let Found { home, table, space: found, fresh, recovered } = find_or_create(home, &schema, &space).await?;
        let next = if found == space {
            let (_, next) = on_disk("opened", home.clone(), |home| home.next()).await?;
            // It was for an embedder that is not wanted any more.
            if let Some(next) = next {
                on_disk("removed", next, |next| next.remove_table()).await?;
            }
            None
        } else {
            Some(Self::next(&home, space).await?)
        };
        Ok(Opened { index: Self::over(home, table, found.as_ref()), space: found, next, fresh, recovered })
    }

    /// Begins an empty index for another embedder beside the one that serves in `folder`, which may be open. One that was begun before is
    /// given up.
    pub async fn begin(folder: &Path, key: Option<Key>, space: Option<VectorSpace>) -> Result<Self, IndexError> {
        let schema = schema_of(space.as_ref())?;
        let folder = folder.to_owned();
        let home = match tokio::task::spawn_blocking(move || Home::beside(&folder, Cipher::new(key))).await {
            Ok(home) => home.map_err(|error| failed("created", &error))?,
            Err(error) => return Err(failed("created", &error)),
        };
        let found = create(home, &schema, space.clone(), None).await?;
        Ok(Self::over(found.home, found.table, space.as_ref()))
    }

    /// Goes on with the index that was begun for an embedder, if it is sound; else begins anew.
    async fn next(home: &Home, space: Option<VectorSpace>) -> Result<Self, IndexError> {
        let schema = schema_of(space.as_ref())?;
        let (home, next) = on_disk("opened", home.clone(), |home| home.next()).await?;
        if let Some(next) = next {
            let database = attempt("opened", connect(&next)).await?;
            match guarded(open_sound(&database)).await {
                Ok((table, found)) if rows::same_layout(&found, &schema) => {
                    attempt("opened", ensure_words(&table)).await?;
                    attempt("opened", ensure_keys(&table)).await?;
                    return Ok(Self::over(next, table, space.as_ref()));
                }
                Err(error) if obstacle(&error).is_some() => return Err(failed("opened", &error)),
                // It holds nothing that is not in the catalogue.
                Ok(_) => tracing::info!("the embedder has changed once more: starting an empty index"),
                Err(error) => tracing::warn!(%error, "the index that was being filled cannot be read: starting again"),
            }
        }
        let beside = |home: &mut Home| Home::beside(home.folder(), home.cipher());
        let (_, home) = on_disk("created", home, beside).await?;
        let found = create(home, &schema, space.clone(), None).await?;
        Ok(Self::over(found.home, found.table, space.as_ref()))
    }

    /// This index, which is complete, in the place of the one that served. This handle is of no use afterwards.
    pub(crate) async fn in_place(&self) -> Result<Self, IndexError> {
        let _writer = self.writer.lock().await;
        self.readers.leave().await;
        let (home, ()) = on_disk("put in its place", self.home.clone(), Home::take_over).await?;
        let database = attempt("opened", connect(&home)).await?;
        let (table, _) = attempt("opened", open_sound(&database)).await?;
        Ok(Self::over(home, table, self.space.as_ref()))
    }

    fn over(home: Home, table: Table, space: Option<&VectorSpace>) -> Self {
        Self {
            table,
            schema: rows::schema(space),
            dimension: space.map(|space| space.dimension),
            space: space.cloned(),
            writer: Default::default(),
            diary: Default::default(),
            held: Default::default(),
            readers: Default::default(),
            mark: Mark::of(&home),
            home,
        }
    }
}

fn schema_of(space: Option<&VectorSpace>) -> Result<SchemaRef, IndexError> {
    match space {
        Some(VectorSpace { dimension: 0, .. }) => {
            Err(IndexError::Failed("the embedder gives vectors of length 0".to_owned()))
        }
        space => Ok(rows::schema(space)),
    }
}

/// Runs blocking work on the folder.
pub(crate) async fn on_disk<T: Send + 'static>(
    task: &str,
    mut home: Home,
    work: impl FnOnce(&mut Home) -> io::Result<T> + Send + 'static,
) -> Result<(Home, T), IndexError> {
    let work = move || {
        let result = work(&mut home)?;
        Ok((home, result))
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(|error: io::Error| failed(task, &error)),
        Err(error) => Err(failed(task, &error)),
    }
}

/// A table that can be read.
struct Found {
    home: Home,
    table: Table,
    space: Option<VectorSpace>,
    fresh: bool,
    recovered: Option<String>,
}

/// The table that serves: that of `space` (with that `schema`), or that of another embedder while it holds anything.
async fn find_or_create(mut home: Home, schema: &SchemaRef, space: &Option<VectorSpace>) -> Result<Found, IndexError> {
    let mut stepped_back = 0;
    loop {
        // A new session each time: it remembers what it has read.
        let database = attempt("opened", connect(&home)).await?;
        let error = match guarded(open_sound(&database)).await {
            Ok((table, found)) => {
                let serves = rows::space_of(&found);
                let is_wanted = serves.as_ref() == Some(space);
                let is_empty = attempt("opened", table.count_rows(None)).await? == 0;
                if let Some(serves) = serves.filter(|_| is_wanted || !is_empty) {
                    attempt("opened", ensure_words(&table)).await?;
                    attempt("opened", ensure_keys(&table)).await?;
                    let recovered = (stepped_back > 0).then(|| lost(stepped_back));
                    return Ok(Found { home, table, space: serves, fresh: false, recovered });
                }
                tracing::info!("the layout has changed, or the embedder of an empty index: starting an empty index");
                (home, ()) = on_disk("replaced", home, Home::put_table_away).await?;
                return create(home, schema, space.clone(), None).await;
            }
            Err(lancedb::Error::TableNotFound { .. }) if stepped_back == 0 => {
                return create(home, schema, space.clone(), None).await;
            }
            Err(error) => error,
        };
        if obstacle(&error).is_some() {
            return Err(failed("opened", &error));
        }
        tracing::warn!(%error, "a version of the index cannot be read and is set aside");
        let moved;
        (home, moved) = on_disk("repaired", home, Home::put_version_away).await?;
        if !moved {
            (home, ()) = on_disk("repaired", home, Home::put_table_away).await?;
            let recovered = "the search index was damaged beyond repair; it is being built again from your files";
            return create(home, schema, space.clone(), Some(recovered.to_owned())).await;
        }
        stepped_back += 1;
    }
}

async fn connect(home: &Home) -> lancedb::Result<Connection> {
    let session = store::lance::session(&home.root(), home.cipher())?;
    lancedb::connect(&store::lance::root_url()).session(session).execute().await
}

async fn create(
    home: Home,
    schema: &SchemaRef,
    space: Option<VectorSpace>,
    recovered: Option<String>,
) -> Result<Found, IndexError> {
    let (home, ()) = on_disk("created", home, |home| home.probe_hard_links()).await?;
    let table = attempt("created", async {
        let database = connect(&home).await?;
        let lance_write_params = Some(WriteParams {
            commit_handler: Some(Arc::new(ConditionalPutCommitHandler)),
            enable_v2_manifest_paths: true,
            ..Default::default()
        });
        let options = WriteOptions { lance_write_params };
        let table = database.create_empty_table(TABLE, schema.clone()).write_options(options).execute().await?;
        reset_indexes(&table).await?;
        Ok(table)
    })
    .await?;
    Ok(Found { home, table, space, fresh: true, recovered })
}

fn lost(versions: usize) -> String {
    let changes = if versions == 1 { "the newest change was" } else { "the newest changes were" };
    format!("the search index was damaged; {changes} lost and will be read again from your files")
}

/// Opens the table and reads one column of every row, so that a missing or cut file shows now.
async fn open_sound(database: &Connection) -> lancedb::Result<(Table, SchemaRef)> {
    let params = ReadParams { commit_handler: Some(Arc::new(ConditionalPutCommitHandler)), ..Default::default() };
    let table = database.open_table(TABLE).lance_read_params(params).execute().await?;
    let rows = table.query().select(Select::columns(&[CHUNK])).execute().await?;
    let read = rows.try_fold(0, |read, batch| async move { Ok(read + batch.num_rows()) }).await?;
    let expected = table.count_rows(None).await?;
    if read != expected {
        let message = format!("{read} of {expected} rows can be read");
        return Err(lancedb::Error::Runtime { message });
    }
    let schema = table.schema().await?;
    Ok((table, schema))
}

/// Sees to a word index that can be read.
async fn ensure_words(table: &Table) -> lancedb::Result<()> {
    if table.index_stats(WORDS).await?.is_some() {
        let probe = FullTextSearchQuery::new("a".to_owned()).with_column(TEXT.to_owned())?;
        let probe = table.query().full_text_search(probe).fast_search().select(Select::columns(&[CHUNK, "_score"]));
        match guarded(async { probe.limit(1).execute().await?.try_collect::<Vec<_>>().await }).await {
            Ok(_) => return Ok(()),
            Err(error) if obstacle(&error).is_some() => return Err(error),
            Err(error) => tracing::warn!(%error, "the word index cannot be read and is built again"),
        }
    }
    reset_words(table).await
}

/// Sees to indexes of ids that can be read; tables of earlier versions have none.
async fn ensure_keys(table: &Table) -> lancedb::Result<()> {
    for keys in KEYS {
        let (name, column) = keys;
        if table.index_stats(name).await?.is_some() {
            let probe = table.query().only_if(format!("{column} = '0'")).select(Select::columns(&[column]));
            match guarded(async { probe.execute().await?.try_collect::<Vec<_>>().await }).await {
                Ok(_) => continue,
                Err(error) if obstacle(&error).is_some() => return Err(error),
                Err(error) => tracing::warn!(%error, name, "an index of ids cannot be read and is built again"),
            }
        }
        reset_keys(table, keys).await?;
    }
    Ok(())
}
