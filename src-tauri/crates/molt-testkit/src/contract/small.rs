//! What every `SettingsStore`, `ModelStore` and `SecretStore` promises.

use jiff::civil::time;
use molt_core::*;

use crate::sample::model;

/// Defaults first, then exactly what was put.
pub fn settings_store_contract(make: impl Fn() -> Box<dyn SettingsStore>) {
    let store = make();
    assert_eq!(store.settings().unwrap(), Settings::default());
    let changed = Settings {
        language: Language::ZhCn,
        theme: Theme::Dark,
        chat_model: Some("m".into()),
        embedder: None,
        reranker: Some("r".into()),
        automatic_model: true,
        automatic_remote: true,
        indexing_paused: true,
        indexing_cores: CoreShare::Half,
        pause_on_battery: false,
        library_rules: LibraryRules { ignore: "*.log\n/草稿/\n".into(), largest_mb: 20 },
        close_to_tray: false,
        notifications: false,
        welcomed: true,
        first_word_seconds: 10,
        notification_sound: false,
        quick_add_keys: None,
        calendar_feed: Some("3f1c".into()),
        auto_lock_minutes: 15,
        idle_unload_minutes: 60,
        quiet_hours: Some(QuietHours { from: time(22, 0, 0, 0), to: time(7, 30, 0, 0) }),
    };
    store.put_settings(&changed).unwrap();
    assert_eq!(store.settings().unwrap(), changed);
    store.put_settings(&Settings::default()).unwrap();
    assert_eq!(store.settings().unwrap(), Settings::default());
}

/// In the order they were added; replacing keeps the place.
pub fn model_store_contract(make: impl Fn() -> Box<dyn ModelStore>) {
    let store = make();
    assert_eq!(store.models().unwrap(), []);
    let (z, a) = (model("z", ModelRole::Chat), model("a", ModelRole::Embedder));
    store.put_model(&z).unwrap();
    store.put_model(&a).unwrap();
    assert_eq!(store.models().unwrap(), [z.clone(), a.clone()]);
    let moved = ModelSpec { path: "/elsewhere".into(), licence: None, bundled: true, ..z };
    store.put_model(&moved).unwrap();
    assert_eq!(store.models().unwrap(), [moved, a.clone()]);
    store.remove_model(&"z".into()).unwrap();
    store.remove_model(&"z".into()).unwrap();
    assert_eq!(store.models().unwrap(), [a]);
}

/// The last one put under a name; nothing where none is.
pub fn secret_store_contract(make: impl Fn() -> Box<dyn SecretStore>) {
    let store = make();
    assert_eq!(store.secret("a").unwrap(), None);
    for text in ["first", "second 密钥"] {
        store.put_secret("a", &Secret::new(text)).unwrap();
        assert_eq!(store.secret("a").unwrap(), Some(Secret::new(text)));
    }
    store.put_secret("b", &Secret::new("other")).unwrap();
    store.put_secret("c", &Secret::new("third")).unwrap();
    store.remove_secret("a").unwrap();
    store.remove_secrets(&["a".into(), "c".into()]).unwrap();
    assert_eq!(store.secret("c").unwrap(), None);
    assert_eq!((store.secret("a").unwrap(), store.secret("b").unwrap()), (None, Some(Secret::new("other"))));
}
