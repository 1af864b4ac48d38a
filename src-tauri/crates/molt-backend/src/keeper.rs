//! Opening and locking the data: which keys open it, and the application over it while it is open.
//!
//! Owns the order in which keys and database change. It must not know any face, nor how keys are kept.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use molt_api::{App, Bus, KeyDesk, KeyPassphrase, KeyProblem, KeySetPassphrase, KeyStatus, KeyUnlock};
use molt_core::{Clock, SettingsStore};
use molt_os::{DataDir, KeyError, Keys, Opening, Secret, Vault};
use molt_store::{OpenError, Store};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::{
    adapters::SystemClock,
    backend::{BackendConfig, Running, StartError},
    copies::{self, Spare},
};

/// Holds the keys and the application over them.
pub struct Keeper {
    config: BackendConfig,
    data: DataDir,
    bus: Bus,
    vault: Arc<Vault>,
    /// One change at a time, also of a passphrase that is being guessed.
    open: Mutex<Option<Open>>,
    /// The same for those who only call.
    app: RwLock<Option<Face>>,
    problem: RwLock<Option<String>>,
    /// The data is damaged, and this could take its place.
    spare: RwLock<Option<Spare>>,
    /// A person locked it: the system's keyring does not open it again by itself.
    is_shut: AtomicBool,
    /// As the keys say, for those who only ask.
    is_recovered: AtomicBool,
}

/// What is held while the data is open.
struct Open {
    running: Running,
    keys: Keys,
}

#[derive(Clone)]
struct Face {
    app: App,
    store: Arc<Store>,
}

impl Keeper {
    pub fn new(config: BackendConfig, data: DataDir, bus: Bus) -> Self {
        let vault = Arc::new(Vault::new(data.clone()));
        Self {
            config,
            data,
            bus,
            vault,
            open: Mutex::default(),
            app: RwLock::default(),
            problem: RwLock::default(),
            spare: RwLock::default(),
            is_shut: AtomicBool::new(false),
            is_recovered: AtomicBool::new(false),
        }
    }

    /// Opens the data if nobody must be asked. Keys that are missing or damaged leave it locked with the reason: put back, they
    /// open it without another start.
    pub async fn start(&self) -> Result<(), StartError> {
        let mut open = self.open.lock().await;
        match self.blocking(Vault::open).await {
            Ok(Opening::Open(keys)) => match self.enter(keys).await {
                Ok(entered) => *open = Some(entered),
                // Every face offers what can be done about it.
                Err(_) if self.spare_at().is_some() => {}
                Err(error) => return Err(error),
            },
            Ok(Opening::Locked { problem }) => self.set_problem(problem),
            Err(error) => self.set_problem(Some(error.to_string())),
        }
        Ok(())
    }

    pub async fn stop(&self) {
        let mut open = self.open.lock().await;
        if let Some(open) = open.take() {
            self.leave(open).await;
        }
    }

    /// Ends the application and closes the database. Whoever still holds the application finds an empty store.
    async fn leave(&self, Open { running, keys }: Open) {
        self.set_face(None);
        self.is_recovered.store(false, Ordering::Relaxed);
        drop(keys);
        let store = running.store.clone();
        running.stop().await;
        let closed = tokio::task::spawn_blocking(move || store.close()).await;
        if !matches!(closed, Ok(Ok(()))) {
            tracing::warn!(?closed, "the database was not closed in good order");
        }
    }

    /// After how many minutes the data is locked; none where it is locked already, or never is.
    pub fn auto_lock_minutes(&self) -> Option<u32> {
        let minutes = self.face()?.store.settings().ok()?.auto_lock_minutes;
        (minutes > 0).then_some(minutes)
    }

    /// An answer is being written: nobody types, and somebody waits.
    pub fn is_answering(&self) -> bool {
        self.face().is_some_and(|face| face.app.is_answering())
    }

    /// Opens the database with the keys and starts the application. Where the database is damaged a sound copy is looked for.
    async fn enter(&self, keys: Keys) -> Result<Open, StartError> {
        self.set_spare(None);
        let entered = self.enter_with(keys.clone()).await;
        let damage = match &entered {
            Err(StartError::Database(error)) if error.is_damage() => Some(error.to_string()),
            _ => None,
        };
        if let Some(damage) = damage {
            let data = self.data.clone();
            let found = tokio::task::spawn_blocking(move || copies::newest_sound(&data, &keys)).await;
            if let Ok(Some(spare)) = found {
                self.set_problem(Some(damage));
                self.set_spare(Some(spare));
                self.bus.send(molt_api::Event::KeysChanged {});
            }
        }
        entered
    }

    /// Lets the vault finish what was begun.
    async fn enter_with(&self, keys: Keys) -> Result<Open, StartError> {
        let (data, vault) = (self.data.clone(), self.vault.clone());
        let opening = tokio::task::spawn_blocking(move || -> Result<(Store, Keys), StartError> {
            for set in keys.candidates() {
                if let Some(store) = copies::open(&data, &keys, &set.database(), SystemClock.now())? {
                    let keys = match vault.confirm(&keys, set) {
                        Ok(keys) => keys,
                        // Nothing else holds the key of an older version yet.
                        Err(error) if keys.is_legacy() => return Err(error.into()),
                        Err(error) => {
                            tracing::error!(%error, "a change of the keys could not be finished");
                            keys.only(set)
                        }
                    };
                    return Ok((store, keys));
                }
            }
            Err(OpenError::WrongKey { path: data.database() }.into())
        });
        let (store, keys) = opening.await.map_err(|error| StartError::Broken(error.to_string()))??;
        let running = Running::start(&self.config, &self.data, self.bus.clone(), Arc::new(store)).await?;
        self.set_face(Some(Face { app: running.app.clone(), store: running.store.clone() }));
        self.set_problem(None);
        self.is_recovered.store(keys.is_recovered(), Ordering::Relaxed);
        Ok(Open { running, keys })
    }

    /// Takes a copy of the data when one is due; a problem with it is told.
    pub async fn keep_copy(&self) {
        let (store, app, key) = {
            let open = self.open.lock().await;
            let Some(open) = open.as_ref() else { return };
            let Some(set) = open.keys.candidates().next() else { return };
            (open.running.store.clone(), open.running.app.clone(), set.database())
        };
        let data = self.data.clone();
        let work = move || match SystemClock.now() {
            now if copies::is_due(&data, now) => store.snapshot(key.as_bytes(), &data.backups(), now),
            _ => Ok(()),
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(work).await
            && self.face().is_some()
        {
            app.report("Backup", format!("The daily copy of your chats and tasks could not be made: {error}."));
        }
    }

    /// When the copy that could take the place of damaged data was taken.
    fn spare_at(&self) -> Option<jiff::Timestamp> {
        self.spare.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|spare| spare.copy.taken_at)
    }

    fn set_spare(&self, spare: Option<Spare>) {
        *self.spare.write().unwrap_or_else(PoisonError::into_inner) = spare;
    }

    /// Disk, keyring and stretching a passphrase would hold the other calls up.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Vault) -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, KeyError> {
        let vault = self.vault.clone();
        let done = tokio::task::spawn_blocking(move || work(&vault)).await;
        done.unwrap_or_else(|error| Err(KeyError::Keyring(error.to_string())))
    }

    /// Changes what opens the open keys.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Vault, &Keys) -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, KeyProblem> {
        let open = self.open.lock().await;
        let keys = open.as_ref().ok_or_else(locked)?.keys.clone();
        self.blocking(move |vault| work(vault, &keys)).await.map_err(problem_of)
    }

    fn face(&self) -> Option<Face> {
        self.app.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_face(&self, face: Option<Face>) {
        *self.app.write().unwrap_or_else(PoisonError::into_inner) = face;
    }

    fn set_problem(&self, problem: Option<String>) {
        if let Some(problem) = &problem {
            tracing::warn!(problem, "the data is locked");
        }
        *self.problem.write().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}

#[async_trait]
impl KeyDesk for Keeper {
    fn app(&self) -> Option<App> {
        self.face().map(|face| face.app)
    }

    async fn status(&self) -> Result<KeyStatus, KeyProblem> {
        let locked = self.face().is_none();
        let problem = self.problem.read().unwrap_or_else(PoisonError::into_inner).clone();
        let protection = match self.blocking(Vault::protection).await {
            Ok(protection) => protection,
            // Keys that cannot be read are what the problem tells.
            Err(_) if locked => molt_os::Protection::default(),
            Err(error) => return Err(problem_of(error)),
        };
        Ok(KeyStatus {
            locked,
            problem: problem.filter(|_| locked),
            keyring: protection.keyring,
            passphrase: protection.passphrase,
            recovery: protection.recovery,
            file: protection.file,
            exposed: protection.exposed,
            recovered: self.is_recovered.load(Ordering::Relaxed),
            copy: self.spare_at(),
        })
    }

    async fn restore(&self) -> Result<(), KeyProblem> {
        let mut open = self.open.lock().await;
        let spare = self.spare.write().unwrap_or_else(PoisonError::into_inner).take();
        let (None, Some(spare)) = (open.as_ref(), spare) else {
            return Err(KeyProblem::Refused("the data is not known to be damaged, so nothing was put back".into()));
        };
        let (path, taken_at, keys) = (self.data.database(), spare.copy.taken_at, spare.keys.clone());
        let work = move || (molt_store::restore(&path, spare.key.as_bytes(), &spare.copy), spare);
        let aside = match tokio::task::spawn_blocking(work).await {
            Ok((Ok(aside), _)) => aside,
            Ok((Err(error), spare)) => {
                self.set_spare(Some(spare));
                return Err(KeyProblem::Unavailable(error.to_string()));
            }
            Err(error) => return Err(KeyProblem::Unavailable(error.to_string())),
        };
        tracing::warn!(aside = %aside.display(), %taken_at, "a copy took the place of the damaged data");
        let entered = self.enter(keys).await.map_err(|error| KeyProblem::Unavailable(error.to_string()))?;
        let said = format!("The copy of {taken_at} was put back. The damaged file stays as {}.", aside.display());
        entered.running.app.report("Backup", said);
        *open = Some(entered);
        self.is_shut.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn unlock(&self, request: KeyUnlock) -> Result<(), KeyProblem> {
        let mut open = self.open.lock().await;
        if open.is_some() {
            return Ok(());
        }
        let secret = match (request.passphrase, request.recovery_code) {
            (Some(passphrase), _) => Some(Secret::Passphrase(Zeroizing::new(passphrase))),
            (None, Some(code)) => Some(Secret::RecoveryCode(Zeroizing::new(code))),
            (None, None) => None,
        };
        let keys = match secret {
            Some(secret) => self.blocking(move |vault| vault.unlock(&secret)).await.map_err(problem_of)?,
            None if self.is_shut.load(Ordering::Relaxed) => {
                return Err(KeyProblem::Refused("a passphrase or a recovery code is needed".into()));
            }
            None => match self.blocking(Vault::open).await {
                Ok(Opening::Open(keys)) => keys,
                Ok(Opening::Locked { problem }) => {
                    let said = problem.clone().unwrap_or_else(|| "a passphrase or a recovery code is needed".into());
                    self.set_problem(problem);
                    return Err(KeyProblem::Refused(said));
                }
                Err(error) => {
                    self.set_problem(Some(error.to_string()));
                    return Err(problem_of(error));
                }
            },
        };
        *open = Some(self.enter(keys).await.map_err(|error| KeyProblem::Unavailable(error.to_string()))?);
        self.is_shut.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn lock(&self) -> Result<(), KeyProblem> {
        let mut open = self.open.lock().await;
        if open.is_none() {
            // Its keys.
            self.set_spare(None);
            return Ok(());
        }
        let protection = self.blocking(Vault::protection).await.map_err(problem_of)?;
        if !protection.passphrase {
            return Err(KeyProblem::Refused(
                "choose a passphrase first; without one there is nothing to unlock with".into(),
            ));
        }
        self.is_shut.store(true, Ordering::Relaxed);
        if let Some(open) = open.take() {
            open.running.app.rest().await;
            self.leave(open).await;
        }
        Ok(())
    }

    async fn set_passphrase(&self, request: KeySetPassphrase) -> Result<(), KeyProblem> {
        let mut open = self.open.lock().await;
        let open = open.as_mut().ok_or_else(locked)?;
        let keys = open.keys.clone();
        let (old, new) = (request.old.map(Zeroizing::new), Zeroizing::new(request.new));
        let work = move |vault: &Vault| {
            vault.set_passphrase(&keys, old.as_ref().map(|old| old.as_str()), &new, request.asks_at_start)?;
            Ok(keys.with_passphrase())
        };
        open.keys = self.blocking(work).await.map_err(problem_of)?;
        self.is_recovered.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn remove_passphrase(&self, request: KeyPassphrase) -> Result<(), KeyProblem> {
        let passphrase = request.passphrase.map(Zeroizing::new);
        self.change(move |vault, keys| vault.remove_passphrase(keys, passphrase.as_ref().map(|text| text.as_str())))
            .await
    }

    async fn use_keyring(&self, request: KeyPassphrase) -> Result<(), KeyProblem> {
        let passphrase = request.passphrase.map(Zeroizing::new);
        self.change(move |vault, keys| vault.use_keyring(keys, passphrase.as_ref().map(|text| text.as_str()))).await
    }

    async fn new_recovery_code(&self, request: KeyPassphrase) -> Result<String, KeyProblem> {
        let passphrase = request.passphrase.map(Zeroizing::new);
        let work = move |vault: &Vault, keys: &Keys| {
            vault.new_recovery_code(keys, passphrase.as_ref().map(|text| text.as_str()))
        };
        Ok(self.change(work).await?.to_string())
    }

    async fn rotate(&self, request: KeyPassphrase) -> Result<Option<String>, KeyProblem> {
        let mut open = self.open.lock().await;
        let (old, store) = match open.as_ref() {
            Some(open) => (open.keys.clone(), open.running.store.clone()),
            None => return Err(locked()),
        };
        let passphrase = request.passphrase.map(Zeroizing::new);
        let folder = self.data.backups();
        let work = move |vault: &Vault| {
            let rotation = vault.begin_rotation(&old, passphrase.as_ref().map(|text| text.as_str()))?;
            let new = rotation.new_keys().clone();
            if let Err(error) = store.rekey(new.database().as_bytes()) {
                return Ok(Err(error.to_string()));
            }
            let keys = vault.confirm(&rotation.keys, &new)?;
            // The copies of before have the old key, and go with it.
            if let Err(error) = store.snapshot(new.database().as_bytes(), &folder, SystemClock.now()) {
                tracing::warn!(%error, "the data was not copied with its new key");
            }
            Ok(Ok((keys, rotation.recovery_code)))
        };
        match self.blocking(work).await.map_err(problem_of)? {
            Ok((keys, code)) => {
                if let Some(open) = open.as_mut() {
                    open.keys = keys;
                }
                Ok(code.map(|code| code.to_string()))
            }
            // The new keys are written down and the store is closed: opening it again finds out which of the two fit.
            Err(error) => {
                if let Some(open) = open.take() {
                    self.leave(open).await;
                }
                self.bus.send(molt_api::Event::KeysChanged {});
                let said = format!(
                    "new keys could not be put in place: {error}; unlock the data to go on with those that fit"
                );
                self.set_problem(Some(said.clone()));
                Err(KeyProblem::Unavailable(said))
            }
        }
    }
}

fn locked() -> KeyProblem {
    KeyProblem::Refused("the data is locked; unlock it first".into())
}

fn problem_of(error: KeyError) -> KeyProblem {
    match error {
        KeyError::WrongPassphrase
        | KeyError::WrongCode
        | KeyError::MistypedCode(_)
        | KeyError::CodeLength(_)
        | KeyError::ShortPassphrase
        | KeyError::LongPassphrase
        | KeyError::NoPassphrase
        | KeyError::NoRecovery => KeyProblem::Refused(error.to_string()),
        error => KeyProblem::Unavailable(error.to_string()),
    }
}
