//! `restore`: a copy in place of damaged data.

use std::path::Path;

use jiff::{Timestamp, tz::TimeZone};
use molt_api::{Empty, KeyStatus};

use crate::{
    commands::key,
    connect::{Connection, sentence},
    failure::Failure,
    print::Printer,
};

pub async fn run(connection: &Connection, printer: &Printer, file: Option<&Path>) -> Result<(), Failure> {
    let words = printer.words;
    let status = async || connection.call::<KeyStatus>("key_status", Empty {}).await;
    let mut now = status().await?;
    if now.locked && now.copy.is_none() && now.passphrase {
        // Whether the data is damaged is seen when it is unlocked.
        let unlocked = key::ensure(connection, printer, file).await;
        now = status().await?;
        if now.copy.is_none() {
            unlocked?;
        }
    }
    let Some(copy) = now.copy else {
        let said = if now.locked {
            now.problem.map_or_else(|| words.no_copy(), |said| sentence(&said))
        } else {
            words.nothing_to_restore()
        };
        return Err(Failure::plain(said));
    };
    let restored: KeyStatus = connection.call("data_restore", Empty {}).await?;
    if printer.json {
        return Ok(printer.value(&restored)?);
    }
    Ok(printer.line(words.restored(minute(copy)))?)
}

/// As the clock on the wall showed it.
pub fn minute(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}
