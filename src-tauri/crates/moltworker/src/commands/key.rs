//! `key`: what opens the data, and unlocking it.

use std::{io::IsTerminal, path::Path};

use molt_api::{Empty, KeyPassphrase, KeyRecoveryCode, KeySetPassphrase, KeyStatus, KeyUnlock};

use crate::{
    args::{Key, KeyPassphraseArgs, KeyUnlockArgs},
    commands::restore::minute,
    connect::{Connection, sentence},
    failure::Failure,
    print::Printer,
    secret,
};

pub async fn run(connection: &Connection, printer: &Printer, key: Key, file: Option<&Path>) -> Result<(), Failure> {
    match key {
        Key::Status => {}
        Key::Unlock(args) => return unlock(connection, printer, args, file).await,
        Key::Lock => {
            connection.call::<KeyStatus>("key_lock", Empty {}).await?;
        }
        Key::Passphrase(args) => {
            let passphrase = ensure(connection, printer, file).await?;
            set_passphrase(connection, printer, args, passphrase).await?;
        }
        Key::Keyring => {
            let request = authorized(connection, printer, file).await?;
            connection.call::<KeyStatus>("key_use_keyring", request).await?;
        }
        Key::Recovery => {
            let request = authorized(connection, printer, file).await?;
            return code(printer, connection.call("key_recovery_new", request).await?);
        }
        Key::Rotate => {
            let request = authorized(connection, printer, file).await?;
            let made: KeyRecoveryCode = connection.call("key_rotate", request).await?;
            if printer.json || made.code.is_some() {
                return code(printer, made);
            }
            return Ok(printer.line(printer.words.rotated())?);
        }
    }
    status(printer, &connection.call("key_status", Empty {}).await?)
}

/// Unlocks the data for another command, with the file or by asking on the terminal. Gives the passphrase if one was typed.
pub async fn ensure(
    connection: &Connection,
    printer: &Printer,
    file: Option<&Path>,
) -> Result<Option<String>, Failure> {
    let status: KeyStatus = connection.call("key_status", Empty {}).await?;
    if !status.locked {
        return Ok(None);
    }
    let words = printer.words;
    if let (Some(problem), Some(copy)) = (&status.problem, status.copy) {
        return Err(Failure::hinted(sentence(problem), words.restore_hint(minute(copy))));
    }
    if !status.passphrase || (file.is_none() && !std::io::stdin().is_terminal()) {
        let message = status.problem.map_or_else(|| words.is_locked(), |problem| sentence(&problem));
        return Err(Failure::hinted(message, words.unlock_hint()));
    }
    let passphrase = read(printer, file, &words.passphrase_prompt())?;
    let request = KeyUnlock { passphrase: Some(passphrase.clone()), recovery_code: None };
    connection.call::<KeyStatus>("key_unlock", request).await?;
    Ok(Some(passphrase))
}

async fn unlock(
    connection: &Connection,
    printer: &Printer,
    args: KeyUnlockArgs,
    file: Option<&Path>,
) -> Result<(), Failure> {
    let before: KeyStatus = connection.call("key_status", Empty {}).await?;
    let request = if !before.locked {
        return status(printer, &before);
    } else if args.recovery {
        KeyUnlock { passphrase: None, recovery_code: Some(secret::ask(&printer.words.recovery_prompt())?) }
    } else if before.passphrase {
        KeyUnlock { passphrase: Some(read(printer, file, &printer.words.passphrase_prompt())?), recovery_code: None }
    } else {
        // The system's keyring may have been unlocked meanwhile.
        KeyUnlock::default()
    };
    status(printer, &connection.call("key_unlock", request).await?)
}

async fn set_passphrase(
    connection: &Connection,
    printer: &Printer,
    args: KeyPassphraseArgs,
    known: Option<String>,
) -> Result<(), Failure> {
    let words = printer.words;
    let before: KeyStatus = connection.call("key_status", Empty {}).await?;
    let old = match known {
        None if before.passphrase && !before.recovered => Some(secret::ask(&words.passphrase_prompt())?),
        known => known,
    };
    if args.remove {
        connection.call::<KeyStatus>("key_remove_passphrase", KeyPassphrase { passphrase: old }).await?;
        return Ok(());
    }
    let new = secret::ask(&words.new_passphrase_prompt())?;
    if std::io::stdin().is_terminal() && secret::ask(&words.repeat_passphrase_prompt())? != new {
        return Err(Failure::plain(words.passphrases_differ()));
    }
    let request = KeySetPassphrase { old, new, asks_at_start: !args.with_keyring };
    connection.call::<KeyStatus>("key_set_passphrase", request).await?;
    Ok(())
}

/// Open data, and the passphrase where one is set.
async fn authorized(connection: &Connection, printer: &Printer, file: Option<&Path>) -> Result<KeyPassphrase, Failure> {
    let typed = ensure(connection, printer, file).await?;
    let status: KeyStatus = connection.call("key_status", Empty {}).await?;
    let passphrase = match typed {
        None if status.passphrase => Some(read(printer, file, &printer.words.passphrase_prompt())?),
        typed => typed,
    };
    Ok(KeyPassphrase { passphrase })
}

fn read(printer: &Printer, file: Option<&Path>, prompt: &str) -> Result<String, Failure> {
    match file {
        Some(file) => secret::read_file(file, printer),
        None => secret::ask(prompt),
    }
}

fn code(printer: &Printer, made: KeyRecoveryCode) -> Result<(), Failure> {
    if printer.json {
        return Ok(printer.value(&made)?);
    }
    if let Some(code) = made.code {
        printer.line(code)?;
        printer.note(printer.words.keep_code());
    }
    Ok(())
}

fn status(printer: &Printer, status: &KeyStatus) -> Result<(), Failure> {
    if printer.json {
        return Ok(printer.value(status)?);
    }
    let words = printer.words;
    printer.line(if status.locked { words.is_locked() } else { words.is_unlocked() })?;
    if let Some(problem) = &status.problem {
        printer.line(sentence(problem))?;
    }
    if let Some(copy) = status.copy {
        printer.line(words.restore_hint(minute(copy)))?;
    }
    if let Some(keyring) = &status.keyring {
        printer.line(words.opened_by_keyring(keyring))?;
    }
    if status.passphrase {
        printer.line(words.opened_by_passphrase())?;
    }
    if status.recovery {
        printer.line(words.opened_by_recovery())?;
    } else if !status.locked {
        printer.line(words.no_recovery())?;
    }
    if status.file {
        printer.line(words.opened_by_file())?;
    } else if status.exposed {
        printer.line(words.was_exposed())?;
    }
    Ok(())
}
