//! The watching thread: turns raw notifications into settled events, and looks by itself where none come.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError},
    },
    time::Instant,
};

use molt_core::WatchEvent;
use notify::{
    Event, EventKind,
    event::{AccessKind, AccessMode, ModifyKind, RenameMode},
};
use tokio::sync::mpsc::Sender;

use crate::{
    IsReadable, WatchOptions,
    listing::{Snapshot, folder_sentence, snapshot},
    pending::Pending,
    poller::{Found, Poller, difference},
    rules::{Choice, Rules, is_rule_file},
    tree::{RECURSIVE, Refused, Watches},
};

/// What the thread is told.
pub enum Input {
    Event(notify::Result<Event>),
    Watch(PathBuf, SyncSender<Result<(), String>>),
    /// A source on another computer.
    WatchRemote(PathBuf, SyncSender<Result<(), String>>),
    /// A look at a source on another computer.
    Looked(PathBuf, Found),
    Unwatch(PathBuf, SyncSender<()>),
    /// What the user leaves out was changed.
    Rules,
    Stop,
}

/// Passes notifications on. It runs on the notifier's own thread and must not block, so what does not fit is dropped and noted.
pub fn notifier(input: SyncSender<Input>, events_lost: Arc<AtomicBool>) -> impl notify::EventHandler {
    move |event: notify::Result<Event>| {
        // Every reading of a file is notified too: ours would be most of them.
        let only_read = |kind: &EventKind| matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write));
        if event.as_ref().is_ok_and(|event| only_read(&event.kind)) {
            return;
        }
        if let Err(TrySendError::Full(_)) = input.try_send(Input::Event(event)) {
            events_lost.store(true, Ordering::Relaxed);
        }
    }
}

enum State {
    Watched,
    Polled {
        seen: Snapshot,
        next: Instant,
    },
    /// Never looked at from this thread. `silent`: it was said that it does not answer.
    Remote {
        poller: Poller,
        silent: bool,
    },
    Missing,
}

struct Source {
    state: State,
    is_file: bool,
    /// Of the directory (for a single file: the one that holds it), so that another one in its place is noticed.
    identity: Option<(u64, u64)>,
    directories: BTreeSet<PathBuf>,
}

pub struct WatchThread {
    /// For the threads that look at drives.
    input: SyncSender<Input>,
    inputs: Receiver<Input>,
    events_lost: Arc<AtomicBool>,
    sink: Sender<WatchEvent>,
    is_readable: IsReadable,
    choice: Choice,
    options: WatchOptions,
    watches: Watches,
    sources: BTreeMap<PathBuf, Source>,
    pending: Pending,
}

impl WatchThread {
    pub fn new(
        (input, inputs): (SyncSender<Input>, Receiver<Input>),
        notifier: impl notify::EventHandler,
        events_lost: Arc<AtomicBool>,
        sink: Sender<WatchEvent>,
        (is_readable, choice): (IsReadable, Choice),
        options: WatchOptions,
    ) -> Self {
        let watches = Watches::new(notifier, options.most_directories);
        let pending = Pending::new(options.quiet, options.longest_delay);
        Self {
            input,
            inputs,
            events_lost,
            sink,
            is_readable,
            choice,
            options,
            watches,
            sources: BTreeMap::new(),
            pending,
        }
    }

    /// Returns when told to stop, or when nobody listens to the events any more.
    pub fn run(mut self) {
        let interval = self.options.check_interval.min(self.options.poll_interval);
        let mut next_check = Instant::now() + interval;
        loop {
            let wake = self.pending.due().map_or(next_check, |due| due.min(next_check));
            match self.inputs.recv_timeout(wake.saturating_duration_since(Instant::now())) {
                Ok(Input::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Input::Event(Ok(event))) => self.on_event(&event),
                Ok(Input::Event(Err(error))) => {
                    tracing::warn!(%error, "watching reported an error; everything is listed again");
                    self.watch_all_again();
                }
                // Nobody waits for the answer when the caller is gone.
                Ok(Input::Watch(path, answer)) => drop(answer.send(self.watch(&path))),
                Ok(Input::WatchRemote(path, answer)) => self.watch_remote(path, answer),
                Ok(Input::Looked(path, found)) => self.on_look(&path, found),
                Ok(Input::Rules) => self.on_rules(),
                Ok(Input::Unwatch(path, answer)) => {
                    self.unwatch(&path);
                    let _ = answer.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.events_lost.swap(false, Ordering::Relaxed) {
                self.watch_all_again();
            }
            let now = Instant::now();
            if now >= next_check {
                self.check_all(now);
                next_check = Instant::now() + interval;
            }
            if self.pending.due().is_some_and(|due| due <= now) && !self.pending.flush(&self.sink, now) {
                return;
            }
        }
    }

    fn watch(&mut self, path: &Path) -> Result<(), String> {
        match self.sources.get(path) {
            Some(source) if !matches!(source.state, State::Missing) => Ok(()),
            _ => self.establish(path),
        }
    }

    fn watch_remote(&mut self, path: PathBuf, answer: SyncSender<Result<(), String>>) {
        if let Some(old) = self.sources.remove(&path) {
            self.watches.release(old.directories);
        }
        let interval = self.options.remote_interval;
        match Poller::start(
            path.clone(),
            (self.is_readable.clone(), self.choice.clone()),
            interval,
            self.input.clone(),
            answer,
        ) {
            Ok(poller) => {
                tracing::info!("a folder lies on another computer; it is looked at every {interval:?}");
                let state = State::Remote { poller, silent: false };
                let source = Source { state, is_file: false, identity: None, directories: BTreeSet::new() };
                self.sources.insert(path, source);
            }
            Err(error) => tracing::error!(%error, "a folder on another computer cannot be watched"),
        }
    }

    fn on_look(&mut self, path: &Path, found: Found) {
        // It may have been told after the source was let go of.
        let Some(Source { state: State::Remote { silent, .. }, .. }) = self.sources.get_mut(path) else { return };
        let now = Instant::now();
        if std::mem::replace(silent, false) {
            self.pending.rescan(path, now);
        }
        match found {
            Found::Changed(files) => files.iter().for_each(|file| self.pending.changed(path, file, now)),
            Found::There => self.pending.rescan(path, now),
            Found::Away(sentence) => {
                self.pending.problem(path, sentence, now);
                self.pending.rescan(path, now);
            }
        }
    }

    /// Says when a drive stops answering, and lists it again when it answers.
    fn check_remote(&mut self, path: &Path, now: Instant) {
        let Some(Source { state: State::Remote { poller, silent }, .. }) = self.sources.get_mut(path) else { return };
        let was_silent = std::mem::replace(silent, poller.silent_for() > self.options.silence);
        if *silent && !was_silent {
            self.pending.problem(path, self::silent(path), now);
        } else if was_silent && !*silent {
            self.pending.rescan(path, now);
        }
    }

    fn unwatch(&mut self, path: &Path) {
        let Some(source) = self.sources.remove(path) else { return };
        self.watches.release(source.directories);
        let sources = &self.sources;
        self.pending.forget(path, |changed| sources.keys().any(|other| changed.starts_with(other)));
    }

    /// Watches (or polls) a source afresh. When it is not there, it is kept as missing and the error says so.
    fn establish(&mut self, path: &Path) -> Result<(), String> {
        if let Some(old) = self.sources.remove(path) {
            self.watches.release(old.directories);
        }
        let mut source = Source { state: State::Missing, is_file: false, identity: None, directories: BTreeSet::new() };
        let result = self.try_establish(path, &mut source);
        self.sources.insert(path.to_path_buf(), source);
        result
    }

    fn try_establish(&mut self, path: &Path, source: &mut Source) -> Result<(), String> {
        source.is_file = path.metadata().map_err(|error| folder_sentence(path, &error))?.is_file();
        source.identity = identity(anchor(path, source.is_file)).map_err(|error| folder_sentence(path, &error))?;
        let held = if source.is_file {
            self.watches.hold_one(anchor(path, true), &mut source.directories)
        } else {
            self.watches.hold_tree(&mut Rules::new(path, self.choice.now()), path, &mut source.directories)
        };
        match held {
            Ok(()) => source.state = State::Watched,
            Err(Refused::Limit) => self.poll_instead(path, source),
            Err(Refused::Other(reason)) => {
                self.watches.release(std::mem::take(&mut source.directories));
                return Err(format!("“{}” cannot be watched: the system says “{reason}”", path.display()));
            }
        }
        Ok(())
    }

    fn poll_instead(&mut self, path: &Path, source: &mut Source) {
        // What was held already goes back: other sources and other programs can use it.
        self.watches.release(std::mem::take(&mut source.directories));
        let now = Instant::now();
        source.state = State::Polled {
            seen: snapshot(path, &*self.is_readable, self.choice.now()),
            next: now + self.options.poll_interval,
        };
        let seconds = self.options.poll_interval.as_secs().max(1);
        let remedy = if cfg!(target_os = "linux") { " (raising fs.inotify.max_user_watches helps)" } else { "" };
        let sentence = format!(
            "the system cannot watch any more folders, so changes in “{}” are noticed only every {seconds} seconds{remedy}",
            path.display()
        );
        self.pending.problem(path, sentence, now);
    }

    /// Other directories are to be watched, and other files to be listed.
    fn on_rules(&mut self) {
        self.watch_all_again();
        let now = Instant::now();
        for path in self.sources.keys() {
            self.pending.rescan(path, now);
        }
    }

    /// After lost events: the set of directories may be wrong too.
    fn watch_all_again(&mut self) {
        for path in self.sources.keys().cloned().collect::<Vec<_>>() {
            self.watch_again(&path);
        }
    }

    /// Watches a source afresh and has it listed again.
    fn watch_again(&mut self, path: &Path) {
        if self.sources.get(path).is_some_and(|source| matches!(source.state, State::Remote { .. })) {
            return;
        }
        let was_missing = self.sources.get(path).is_some_and(|source| matches!(source.state, State::Missing));
        let now = Instant::now();
        match self.establish(path) {
            Ok(()) => self.pending.rescan(path, now),
            Err(_) if was_missing => {}
            Err(sentence) => {
                self.pending.problem(path, sentence, now);
                self.pending.rescan(path, now);
            }
        }
    }

    fn check_all(&mut self, now: Instant) {
        for path in self.sources.keys().cloned().collect::<Vec<_>>() {
            self.check_remote(&path, now);
            self.check(&path);
            self.poll(&path, now);
        }
    }

    /// Notices that a source went away, came back or was replaced: an unmounted disk sends no notification.
    fn check(&mut self, path: &Path) {
        let Some(source) = self.sources.get(path) else { return };
        let unchanged = match &source.state {
            State::Remote { .. } => return,
            State::Missing => !path.exists(),
            _ => identity(anchor(path, source.is_file)).is_ok_and(|identity| identity == source.identity),
        };
        if !unchanged {
            self.watch_again(path);
        }
    }

    fn poll(&mut self, path: &Path, now: Instant) {
        let Some(Source { state: State::Polled { seen, next }, .. }) = self.sources.get_mut(path) else { return };
        if now < *next {
            return;
        }
        let fresh = snapshot(path, &*self.is_readable, self.choice.now());
        for file in difference(seen, &fresh) {
            self.pending.changed(path, file, now);
        }
        *seen = fresh;
        *next = Instant::now() + self.options.poll_interval;
    }

    fn on_event(&mut self, event: &Event) {
        if event.need_rescan() {
            return self.watch_all_again();
        }
        let removed =
            matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)));
        let written = matches!(event.kind, EventKind::Access(_) | EventKind::Modify(ModifyKind::Data(_)));
        for path in &event.paths {
            if !(written && self.pending.touch_known(path, Instant::now())) {
                self.on_path(path, removed);
            }
        }
    }

    /// What is at the path now decides, not what was notified: that may be long over.
    fn on_path(&mut self, path: &Path, removed: bool) {
        let was_directory = removed && self.release_below(path);
        let concerned: Vec<PathBuf> = self
            .sources
            .iter()
            .filter(|(source, held)| {
                matches!(held.state, State::Watched) && path.starts_with(anchor(source, held.is_file))
            })
            .map(|(source, _)| source.clone())
            .collect();
        for source in concerned {
            self.on_path_of(&source, path, removed, was_directory);
        }
    }

    fn on_path_of(&mut self, root: &Path, path: &Path, removed: bool, was_directory: bool) {
        let now = Instant::now();
        let Some(source) = self.sources.get_mut(root) else { return };
        if path == anchor(root, source.is_file) {
            if removed {
                self.watch_again(root);
            }
            return;
        }
        if source.is_file {
            if path == root {
                self.pending.changed(root, path, now);
            }
            return;
        }
        let mut rules = Rules::new(root, self.choice.now());
        let kind = path.symlink_metadata();
        if kind.as_ref().is_ok_and(|kind| kind.is_dir()) {
            if !rules.allow(path, true) || (!RECURSIVE && source.directories.contains(path)) {
                return;
            }
            self.pending.changed(root, path, now);
            match self.watches.hold_tree(&mut rules, path, &mut source.directories) {
                Ok(()) => {}
                Err(Refused::Limit) => self.watch_again(root),
                // Gone again; its end is notified too.
                Err(Refused::Other(reason)) => {
                    tracing::debug!(path = %path.display(), reason, "a new folder is not watched")
                }
            }
        } else if is_rule_file(path) {
            self.watch_again(root);
        } else {
            // Where one watch covers a tree we do not know what a vanished path was; folders rarely have an extension.
            let maybe_directory = was_directory || (RECURSIVE && kind.is_err() && path.extension().is_none());
            if maybe_directory || ((self.is_readable)(path) && rules.allow(path, false)) {
                self.pending.changed(root, path, now);
            }
        }
    }

    /// Lets go of the directories at and below a path that is gone; true when there were any.
    fn release_below(&mut self, path: &Path) -> bool {
        let mut any = false;
        for source in self.sources.values_mut() {
            let gone: Vec<PathBuf> = source
                .directories
                .range(path.to_path_buf()..)
                .take_while(|held| held.starts_with(path))
                .cloned()
                .collect();
            any |= !gone.is_empty();
            for directory in &gone {
                source.directories.remove(directory);
            }
            self.watches.release(gone);
        }
        any
    }
}

/// One plain sentence about a drive that does not answer.
pub fn silent(path: &Path) -> String {
    format!("the drive that “{}” lies on does not answer; it is looked at again by itself when it does", path.display())
}

/// The directory that must be there for a source to be watched.
fn anchor(path: &Path, is_file: bool) -> &Path {
    if is_file { path.parent().unwrap_or(path) } else { path }
}

/// Tells a directory from another one that took its place. None where the system has no such mark.
fn identity(path: &Path) -> std::io::Result<Option<(u64, u64)>> {
    let metadata = path.metadata()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Ok(Some((metadata.dev(), metadata.ino())))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        Ok(None)
    }
}
