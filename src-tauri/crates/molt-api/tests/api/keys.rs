//! The door: what is answered while the data is locked, and what is told.

use std::sync::Mutex;

use super::*;

/// Opens with one passphrase.
struct Desk {
    app: App,
    status: Mutex<KeyStatus>,
}

impl Desk {
    fn check(&self, passphrase: Option<&str>) -> Result<(), KeyProblem> {
        match passphrase {
            Some("four words of mine") => Ok(()),
            _ => Err(KeyProblem::Refused("this is not the passphrase".into())),
        }
    }
}

#[async_trait]
impl KeyDesk for Desk {
    fn app(&self) -> Option<App> {
        (!self.status.lock().unwrap().locked).then(|| self.app.clone())
    }

    async fn status(&self) -> Result<KeyStatus, KeyProblem> {
        Ok(self.status.lock().unwrap().clone())
    }

    async fn unlock(&self, request: KeyUnlock) -> Result<(), KeyProblem> {
        self.check(request.passphrase.as_deref())?;
        self.status.lock().unwrap().locked = false;
        Ok(())
    }

    async fn restore(&self) -> Result<(), KeyProblem> {
        let mut status = self.status.lock().unwrap();
        let copy = status.copy.take();
        status.locked &= copy.is_none();
        copy.map(|_| ()).ok_or_else(|| KeyProblem::Refused("the data is not known to be damaged".into()))
    }

    async fn lock(&self) -> Result<(), KeyProblem> {
        self.status.lock().unwrap().locked = true;
        Ok(())
    }

    async fn set_passphrase(&self, request: KeySetPassphrase) -> Result<(), KeyProblem> {
        self.check(request.old.as_deref())
    }

    async fn remove_passphrase(&self, request: KeyPassphrase) -> Result<(), KeyProblem> {
        self.check(request.passphrase.as_deref())
    }

    async fn use_keyring(&self, _request: KeyPassphrase) -> Result<(), KeyProblem> {
        Err(KeyProblem::Unavailable("the system's keyring cannot be used".into()))
    }

    async fn new_recovery_code(&self, request: KeyPassphrase) -> Result<String, KeyProblem> {
        self.check(request.passphrase.as_deref())?;
        Ok("CODE".into())
    }

    async fn rotate(&self, request: KeyPassphrase) -> Result<Option<String>, KeyProblem> {
        self.check(request.passphrase.as_deref())?;
        Ok(None)
    }
}

fn door(world: &World) -> Door {
    let copy = Some("2026-11-21T12:00:00Z".parse().unwrap());
    let status = KeyStatus { locked: true, passphrase: true, copy, ..KeyStatus::default() };
    let desk = Desk { app: world.app.clone(), status: Mutex::new(status) };
    Door::new(Arc::new(desk), Bus::new(tokio::runtime::Handle::current()))
}

async fn ask(door: &Door, name: &str, arguments: Value) -> Result<Value, ApiError> {
    door.call(name, arguments).await.map(|answer| serde_json::from_str(answer.get()).unwrap())
}

#[tokio::test]
async fn locked_data_answers_nothing_but_what_is_asked_about_its_keys() {
    let world = world();
    let door = door(&world);
    let mut events = door.events();
    let open = [
        ("key_status", Value::Null),
        ("key_touch", Value::Null),
        ("key_lock", Value::Null),
        ("data_restore", Value::Null),
        ("key_unlock", json!({ "passphrase": "four words of mine" })),
    ];
    for name in COMMANDS.iter().chain(KEY_COMMANDS).filter(|name| open.iter().all(|(open, _)| open != *name)) {
        let error = ask(&door, name, json!({})).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Locked, "{name}");
    }
    let file = async || door.document_file(DocumentRef { id: "d".into() }).await.unwrap_err().code;
    assert_eq!(file().await, ErrorCode::Locked);
    assert!(events.try_recv().is_err());
    let error = ask(&door, "key_unlock", json!({ "passphrase": "another" })).await.unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::Invalid, "This is not the passphrase."));
    for (name, arguments) in open {
        ask(&door, name, arguments).await.unwrap();
    }
    assert_eq!(events.try_recv().unwrap(), Event::KeysChanged {});
    assert_eq!(ask(&door, "task_list", Value::Null).await.unwrap(), json!([]));
    assert_eq!(file().await, ErrorCode::NotFound);
    assert_eq!(ask(&door, "key_lock", Value::Null).await.unwrap()["locked"], true);
    assert_eq!(ask(&door, "task_list", Value::Null).await.unwrap_err().code, ErrorCode::Locked);
}

#[tokio::test]
async fn damaged_data_is_put_back_once_and_every_face_is_told() {
    let world = world();
    let door = door(&world);
    let mut events = door.events();
    assert_eq!(ask(&door, "key_status", Value::Null).await.unwrap()["copy"], "2026-11-21T12:00:00Z");
    let status = ask(&door, "data_restore", Value::Null).await.unwrap();
    assert_eq!((&status["locked"], &status["copy"]), (&json!(false), &Value::Null));
    assert_eq!(events.try_recv().unwrap(), Event::KeysChanged {});
    let error = ask(&door, "data_restore", Value::Null).await.unwrap_err();
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::Invalid, "The data is not known to be damaged."));
}

#[tokio::test]
async fn codes_are_handed_over_and_problems_told() {
    let world = world();
    let door = door(&world);
    ask(&door, "key_unlock", json!({ "passphrase": "four words of mine" })).await.unwrap();
    let with = json!({ "passphrase": "four words of mine" });
    assert_eq!(ask(&door, "key_recovery_new", with.clone()).await.unwrap(), json!({ "code": "CODE" }));
    assert_eq!(ask(&door, "key_rotate", with.clone()).await.unwrap(), json!({ "code": null }));
    assert_eq!(ask(&door, "key_remove_passphrase", with).await.unwrap()["passphrase"], true);
    assert_eq!(ask(&door, "key_rotate", json!({})).await.unwrap_err().code, ErrorCode::Invalid);
    assert_eq!(ask(&door, "key_use_keyring", json!({})).await.unwrap_err().code, ErrorCode::Unavailable);
    let set = json!({ "old": "four words of mine", "new": "another one", "asks_at_start": true });
    ask(&door, "key_set_passphrase", set).await.unwrap();
    assert_eq!(ask(&door, "no_such_call", Value::Null).await.unwrap_err().code, ErrorCode::NotFound);
}

#[tokio::test]
async fn what_a_page_reads_by_itself_is_no_use() {
    let world = world();
    let door = door(&world);
    ask(&door, "key_unlock", json!({ "passphrase": "four words of mine" })).await.unwrap();
    assert!(door.was_used());
    for name in ["status", "task_list", "task_changes", "document_changes", "settings_get", "key_status", "suggestions"]
    {
        ask(&door, name, Value::Null).await.unwrap();
    }
    assert!(!door.was_used());
    ask(&door, "key_touch", Value::Null).await.unwrap();
    assert!(door.was_used() && !door.was_used());
    ask(&door, "task_add_line", json!({ "text": "call Anna" })).await.unwrap();
    assert!(door.was_used());
}
