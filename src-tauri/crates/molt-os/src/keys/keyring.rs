//! The system's store of secrets: Secret Service, Keychain or Credential Manager.
//!
//! A call to it may hang for ever: a locked Secret Service waits for a dialog that nobody sees. So each call has a thread of its own
//! and a time limit; a thread that hangs is left behind.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

/// `off` keeps the program from using the system's keyring: in tests, and on machines without anyone to unlock it.
pub const KEYRING_VARIABLE: &str = "MOLTWORKER_KEYRING";

/// How long the keyring may take to answer.
const LIMIT: Duration = Duration::from_secs(5);
const SERVICE: &str = "moltworker";

/// A store of secrets. The errors are the ends of sentences for people.
pub trait Keyring: Send + Sync + 'static {
    /// What people call it.
    fn name(&self) -> &'static str;
    /// None when there is no such secret.
    fn get(&self, account: &str) -> Result<Option<Vec<u8>>, String>;
    fn set(&self, account: &str, secret: &[u8]) -> Result<(), String>;
    /// A secret that is not there is no error.
    fn delete(&self, account: &str) -> Result<(), String>;
}

/// The keyring of this system, unless the environment turns it off.
pub(crate) fn of_system() -> Option<Limited> {
    let is_off = std::env::var_os(KEYRING_VARIABLE).is_some_and(|value| value.eq_ignore_ascii_case("off"));
    (!is_off).then(|| Limited::new(Arc::new(SystemKeyring), LIMIT))
}

struct SystemKeyring;

impl SystemKeyring {
    fn entry(account: &str) -> Result<keyring::Entry, String> {
        keyring::Entry::store_status().as_ref().map_err(told)?;
        keyring::Entry::new(SERVICE, account).map_err(|error| told(&error))
    }
}

/// The end of a sentence; what the store itself says is for the log.
fn told(error: &keyring::Error) -> String {
    tracing::debug!(%error, "the system's keyring refused");
    match error {
        keyring::Error::NoStorageAccess(_) => "it is locked, and was not unlocked".to_owned(),
        keyring::Error::PlatformFailure(_) | keyring::Error::NoDefaultStore => "none answers on this system".to_owned(),
        other => other.to_string(),
    }
}

impl Keyring for SystemKeyring {
    fn name(&self) -> &'static str {
        if cfg!(target_os = "macos") {
            "Keychain"
        } else if cfg!(windows) {
            "Credential Manager"
        } else {
            "Secret Service"
        }
    }

    fn get(&self, account: &str) -> Result<Option<Vec<u8>>, String> {
        match Self::entry(account)?.get_secret() {
            Ok(secret) => Ok(Some(secret)),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(told(&error)),
        }
    }

    fn set(&self, account: &str, secret: &[u8]) -> Result<(), String> {
        Self::entry(account)?.set_secret(secret).map_err(|error| told(&error))
    }

    fn delete(&self, account: &str) -> Result<(), String> {
        match Self::entry(account)?.delete_credential() {
            Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(error) => Err(told(&error)),
        }
    }
}

/// A keyring whose calls end within a time.
#[derive(Clone)]
pub(crate) struct Limited {
    keyring: Arc<dyn Keyring>,
    limit: Duration,
}

impl Limited {
    pub(crate) fn new(keyring: Arc<dyn Keyring>, limit: Duration) -> Self {
        Self { keyring, limit }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.keyring.name()
    }

    pub(crate) fn get(&self, account: &str) -> Result<Option<Vec<u8>>, String> {
        let account = account.to_owned();
        self.within(move |keyring| keyring.get(&account))
    }

    pub(crate) fn set(&self, account: &str, secret: &[u8]) -> Result<(), String> {
        let (account, secret) = (account.to_owned(), zeroize::Zeroizing::new(secret.to_vec()));
        self.within(move |keyring| keyring.set(&account, &secret))
    }

    pub(crate) fn delete(&self, account: &str) -> Result<(), String> {
        let account = account.to_owned();
        self.within(move |keyring| keyring.delete(&account))
    }

    fn within<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Keyring) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let (answer, answered) = mpsc::channel();
        let keyring = self.keyring.clone();
        let thread = move || {
            // Nobody listens any more when the time was over.
            let _ = answer.send(work(keyring.as_ref()));
        };
        std::thread::Builder::new().name("keyring".into()).spawn(thread).map_err(|error| error.to_string())?;
        match answered.recv_timeout(self.limit) {
            Ok(result) => result,
            Err(mpsc::RecvTimeoutError::Timeout) => Err(format!(
                "it did not answer within {} seconds; perhaps it is locked and waits for its password",
                self.limit.as_secs_f32()
            )),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err("it broke".to_owned()),
        }
    }
}

#[cfg(test)]
pub(crate) mod fake {
    //! A keyring in memory that can be taken away, and can hang.

    use std::{
        collections::BTreeMap,
        sync::{Condvar, Mutex},
    };

    use super::*;

    #[derive(Default)]
    pub struct FakeKeyring {
        pub entries: Mutex<BTreeMap<String, Vec<u8>>>,
        is_missing: Mutex<bool>,
        is_hanging: Mutex<bool>,
        goes_on: Condvar,
    }

    impl FakeKeyring {
        pub fn set_missing(&self, missing: bool) {
            *self.is_missing.lock().unwrap() = missing;
        }

        pub fn set_hanging(&self, hanging: bool) {
            *self.is_hanging.lock().unwrap() = hanging;
            self.goes_on.notify_all();
        }

        fn answer(&self) -> Result<(), String> {
            let hanging = self.is_hanging.lock().unwrap();
            drop(self.goes_on.wait_while(hanging, |hanging| *hanging).unwrap());
            if *self.is_missing.lock().unwrap() { Err("there is none".into()) } else { Ok(()) }
        }
    }

    impl Keyring for FakeKeyring {
        fn name(&self) -> &'static str {
            "Fake"
        }

        fn get(&self, account: &str) -> Result<Option<Vec<u8>>, String> {
            self.answer()?;
            Ok(self.entries.lock().unwrap().get(account).cloned())
        }

        fn set(&self, account: &str, secret: &[u8]) -> Result<(), String> {
            self.answer()?;
            self.entries.lock().unwrap().insert(account.into(), secret.into());
            Ok(())
        }

        fn delete(&self, account: &str) -> Result<(), String> {
            self.answer()?;
            self.entries.lock().unwrap().remove(account);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{fake::FakeKeyring, *};

    #[test]
    fn a_keyring_that_hangs_is_given_up() {
        let fake = Arc::new(FakeKeyring::default());
        let limit = Duration::from_millis(200);
        let keyring = Limited::new(fake.clone(), limit);
        keyring.set("a", b"secret").unwrap();
        assert_eq!(keyring.get("a").unwrap().unwrap(), b"secret");
        fake.set_hanging(true);
        let started = Instant::now();
        let error = keyring.get("a").unwrap_err();
        assert!(started.elapsed() >= limit, "{:?}", started.elapsed());
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        assert!(error.contains("did not answer"), "{error}");
        // The thread that was left behind ends when the keyring goes on, and the next call is answered.
        fake.set_hanging(false);
        keyring.delete("a").unwrap();
        assert_eq!(keyring.get("a").unwrap(), None);
    }

    #[test]
    fn the_real_one_gets_five_seconds() {
        assert_eq!(LIMIT, Duration::from_secs(5));
    }
}
