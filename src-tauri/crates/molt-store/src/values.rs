//! Settings and the list of models, kept as JSON so that a new field needs no new column; secrets.

use molt_core::*;
use rusqlite::{OptionalExtension, params};

use crate::{Store, error::failed, sql::Json};

impl SettingsStore for Store {
    fn settings(&self) -> StoreResult<Settings> {
        let row = self.lock().query_row("SELECT body FROM settings", [], |row| row.get::<_, Json<_>>(0));
        Ok(row.optional().map_err(failed)?.map(|json| json.0).unwrap_or_default())
    }

    fn put_settings(&self, settings: &Settings) -> StoreResult<()> {
        self.write(|tx| {
            let sql =
                "INSERT INTO settings (only, body) VALUES (1, ?) ON CONFLICT (only) DO UPDATE SET body = excluded.body";
            tx.execute(sql, [Json(settings)]).map(|_| ()).map_err(failed)
        })
    }
}

impl ModelStore for Store {
    fn models(&self) -> StoreResult<Vec<ModelSpec>> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached("SELECT body FROM models ORDER BY seq").map_err(failed)?;
        let rows = statement.query_map([], |row| Ok(row.get::<_, Json<_>>(0)?.0));
        rows.and_then(Iterator::collect).map_err(failed)
    }

    fn put_model(&self, model: &ModelSpec) -> StoreResult<()> {
        self.write(|tx| {
            let sql = "INSERT INTO models (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body";
            tx.execute(sql, params![model.id.as_str(), Json(model)]).map(|_| ()).map_err(failed)
        })
    }

    fn remove_model(&self, id: &ModelId) -> StoreResult<()> {
        self.write(|tx| tx.execute("DELETE FROM models WHERE id = ?", [id.as_str()]).map(|_| ()).map_err(failed))
    }
}

impl SecretStore for Store {
    fn secret(&self, name: &str) -> StoreResult<Option<Secret>> {
        let row =
            self.lock().query_row("SELECT text FROM secrets WHERE name = ?", [name], |row| row.get::<_, String>(0));
        Ok(row.optional().map_err(failed)?.map(Secret::new))
    }

    fn put_secret(&self, name: &str, secret: &Secret) -> StoreResult<()> {
        self.write(|tx| {
            let sql =
                "INSERT INTO secrets (name, text) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET text = excluded.text";
            tx.execute(sql, [name, secret.expose()]).map(|_| ()).map_err(failed)
        })
    }

    fn remove_secrets(&self, names: &[String]) -> StoreResult<()> {
        self.write(|tx| {
            let mut remove = tx.prepare("DELETE FROM secrets WHERE name = ?").map_err(failed)?;
            names.iter().try_for_each(|name| remove.execute([name]).map(|_| ()).map_err(failed))
        })
    }
}
