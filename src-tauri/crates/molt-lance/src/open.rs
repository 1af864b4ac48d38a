//! Opening, and what to do when that fails.
//!
//! Opening tries the newest version first. A version that cannot be read is moved into `set-aside/` and the one before
//! it is tried; when none is left the whole table is moved and an empty one takes its place. Nothing is deleted: only
//! the last event's files are kept, for a week, and the user's own files were never here. Lance would refuse such a
//! table for good.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

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

use crate::{
    error::{attempt, failed, guarded, obstacle},
    index::{LanceIndex, WORDS, reset_words},
    rows::{self, CHUNK, TEXT},
    store::{self, sweep, sync_folder},
};

const TABLE: &str = "chunks";
const SET_ASIDE: &str = "set-aside";

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
    /// The index is empty and everything must be added again: it is new, the embedder is another, or it was damaged
    /// beyond repair.
    pub fresh: bool,
    /// The index was damaged: one sentence for people. What it holds must be compared with the catalogue, because the
    /// newest changes are missing.
    pub recovered: Option<String>,
}

impl LanceIndex {
    /// Opens the index in `folder`, which is made if need be and belongs to one process at a time. `space` is the
    /// embedder in use, `None` for searching by words alone.
    ///
    /// Fails when the disk or the system stands in the way. Damage is not a failure: see [`Opened`].
    pub async fn open(folder: &Path, space: Option<VectorSpace>) -> Result<Opened, IndexError> {
        if let Some(VectorSpace { dimension: 0, .. }) = space {
            return Err(IndexError("the embedder gives vectors of length 0".to_owned()));
        }
        let schema = rows::schema(space.as_ref());
        let dimension = space.map(|space| space.dimension);
        let home = Home::prepare(folder.to_owned()).await?;
        let (table, fresh, recovered) = home.open(&schema).await?;
        let set_aside = home.folder.join(SET_ASIDE);
        let index = Self { table, schema, dimension, writer: Default::default(), diary: Default::default(), set_aside };
        Ok(Opened { index, fresh, recovered })
    }
}

/// The index's folder: `chunks.lance` and `set-aside`.
struct Home {
    folder: PathBuf,
}

impl Home {
    async fn prepare(folder: PathBuf) -> Result<Self, IndexError> {
        let home = Self { folder };
        home.on_disk("opened", |folder| {
            fs::create_dir_all(folder)?;
            if let Some(parent) = folder.parent() {
                sync_folder(parent)?;
            }
            let removed = sweep(folder)?;
            if removed > 0 {
                tracing::info!(removed, "swept unfinished files out of the index");
            }
            Ok(())
        })
        .await?;
        Ok(home)
    }

    /// Runs blocking work on the folder.
    async fn on_disk<T: Send + 'static>(
        &self,
        task: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, IndexError> {
        let folder = self.folder.clone();
        match tokio::task::spawn_blocking(move || work(&folder)).await {
            Ok(result) => result.map_err(|error| failed(task, &error)),
            Err(error) => Err(failed(task, &error)),
        }
    }

    /// The table, whether it is empty and new, and what was lost.
    async fn open(&self, schema: &SchemaRef) -> Result<(Table, bool, Option<String>), IndexError> {
        let mut stepped_back = 0;
        // Versions that were set aside go into one folder.
        let mut aside = None;
        loop {
            // A new session each time: it remembers what it has read.
            let database = attempt("opened", self.connect()).await?;
            let error = match guarded(open_sound(&database)).await {
                Ok((table, found)) if rows::same_layout(&found, schema) => {
                    attempt("opened", ensure_words(&table)).await?;
                    return Ok((table, false, (stepped_back > 0).then(|| lost(stepped_back))));
                }
                Ok(_) => {
                    tracing::info!("the embedder or the layout has changed: starting an empty index");
                    self.set_table_aside(&mut aside).await?;
                    return Ok((self.create(schema).await?, true, None));
                }
                Err(lancedb::Error::TableNotFound { .. }) if stepped_back == 0 => {
                    return Ok((self.create(schema).await?, true, None));
                }
                Err(error) => error,
            };
            if obstacle(&error).is_some() {
                return Err(failed("opened", &error));
            }
            tracing::warn!(%error, "a version of the index cannot be read and is set aside");
            if !self.set_version_aside(&mut aside).await? {
                self.set_table_aside(&mut aside).await?;
                let recovered = "the search index was damaged beyond repair; it is being built again from your files";
                return Ok((self.create(schema).await?, true, Some(recovered.to_owned())));
            }
            stepped_back += 1;
        }
    }

    async fn connect(&self) -> lancedb::Result<Connection> {
        let session = store::lance::session(&self.folder)?;
        lancedb::connect(&store::lance::root_url()).session(session).execute().await
    }

    async fn create(&self, schema: &SchemaRef) -> Result<Table, IndexError> {
        self.on_disk("created", probe_hard_links).await?;
        attempt("created", async {
            let database = self.connect().await?;
            let lance_write_params = Some(WriteParams {
                commit_handler: Some(Arc::new(ConditionalPutCommitHandler)),
                enable_v2_manifest_paths: true,
                ..Default::default()
            });
            let options = WriteOptions { lance_write_params };
            let table = database.create_empty_table(TABLE, schema.clone()).write_options(options).execute().await?;
            reset_words(&table).await?;
            Ok(table)
        })
        .await
    }

    /// Moves the newest version's manifest away; false when there is none.
    async fn set_version_aside(&self, aside: &mut Option<PathBuf>) -> Result<bool, IndexError> {
        let mut event = aside.take();
        let (event, moved) = self
            .on_disk("repaired", move |folder| {
                let Some(manifest) = newest_manifest(&table_folder(folder).join("_versions"))? else {
                    return Ok((event, false));
                };
                move_into(event_folder(folder, &mut event)?, &manifest)?;
                Ok((event, true))
            })
            .await?;
        *aside = event;
        Ok(moved)
    }

    async fn set_table_aside(&self, aside: &mut Option<PathBuf>) -> Result<(), IndexError> {
        let mut event = aside.take();
        *aside = self
            .on_disk("repaired", move |folder| {
                let table = table_folder(folder);
                if table.exists() {
                    move_into(event_folder(folder, &mut event)?, &table)?;
                }
                Ok(event)
            })
            .await?;
        Ok(())
    }
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

fn table_folder(folder: &Path) -> PathBuf {
    folder.join(format!("{TABLE}.lance"))
}

/// Lance names manifests by the version counted down from the largest number, so the newest sorts first.
fn newest_manifest(versions: &Path) -> io::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(versions) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    let mut newest: Option<PathBuf> = None;
    for entry in entries {
        let path = entry?.path();
        let numbered = path.file_stem().is_some_and(|stem| stem.as_encoded_bytes().iter().all(u8::is_ascii_digit));
        if numbered && path.extension().is_some_and(|e| e == "manifest") && newest.as_ref().is_none_or(|n| path < *n) {
            newest = Some(path);
        }
    }
    Ok(newest)
}

/// The folder for what is set aside in this opening, made when first asked for. Those of earlier openings go.
fn event_folder<'a>(folder: &Path, event: &'a mut Option<PathBuf>) -> io::Result<&'a Path> {
    if event.is_none() {
        let all = folder.join(SET_ASIDE);
        forget_set_aside(&all, Duration::ZERO)?;
        let made = all.join(seconds_now().to_string());
        fs::create_dir_all(&made)?;
        sync_folder(&all)?;
        sync_folder(folder)?;
        *event = Some(made);
    }
    Ok(event.get_or_insert_default())
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn move_into(event: &Path, path: &Path) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    fs::rename(path, event.join(name))?;
    sync_folder(event)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Removes what was set aside at least `age` ago. Blocks.
pub(crate) fn forget_set_aside(set_aside: &Path, age: Duration) -> io::Result<()> {
    let entries = match fs::read_dir(set_aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let made = path.file_name().and_then(|name| name.to_str()?.parse::<u64>().ok());
        if made.is_some_and(|made| seconds_now().saturating_sub(made) >= age.as_secs()) {
            fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

/// Commits are hard links; some file systems (FAT, exFAT, some network folders) have none.
fn probe_hard_links(folder: &Path) -> io::Result<()> {
    let (file, link) = (folder.join(".tmp-probe"), folder.join(".tmp-probe-link"));
    fs::write(&file, b"")?;
    let linked = fs::hard_link(&file, &link);
    fs::remove_file(&file)?;
    match linked {
        Ok(()) => fs::remove_file(&link),
        Err(error) if error.kind() == io::ErrorKind::StorageFull => Err(error),
        Err(_) => Err(io::Error::other(
            "the disk of the data folder has no hard links, which the index needs; choose a data folder on another disk",
        )),
    }
}
