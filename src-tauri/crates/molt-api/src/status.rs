//! Status, settings, activities and suggestions.

use molt_core::{DocumentState, Language, ModelRole, Settings};
use molt_models::LoadState;

use crate::{
    Activity, ActivityKind, ActivityRef, ApiError, App, Empty, Event, IndexProgress, IndexStatus, ModelView, Status,
    Suggestions,
};

/// Suggestions shown in an empty chat.
const SUGGESTIONS: usize = 3;

impl App {
    pub async fn status(&self) -> Result<Status, ApiError> {
        let settings = self.parts().settings.settings()?;
        let models = self.model_list().await?.models;
        let active = |role: ModelRole| -> Option<ModelView> {
            let id = settings.model_of(role)?;
            models.iter().find(|model| &model.spec.id == id).cloned()
        };
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data_dir: self.parts().data_dir.clone(),
            chat_model: active(ModelRole::Chat),
            embedder: active(ModelRole::Embedder),
            reranker: active(ModelRole::Reranker),
            index: self.index_status().await?,
            activities: self.activities()?,
            due_reminders: self.reminder_list().await?.len() as u32,
            desktop: self.parts().desktop,
        })
    }

    pub(crate) async fn index_status(&self) -> Result<IndexStatus, ApiError> {
        let library = &self.parts().library;
        let status = library.status()?;
        Ok(IndexStatus {
            indexed: status.indexed,
            pending: status.pending,
            failed: status.failed,
            chunks: library.chunks().await?,
            paused: status.paused,
            on_battery: status.on_battery,
            current: status.current,
            words_only: status.words_only,
            progress: status.progress.map(|progress| IndexProgress {
                done: progress.done,
                files_per_second: progress.files,
                bytes_per_second: progress.bytes,
                seconds_left: progress.left.map(|left| left.as_secs()),
            }),
            renewal: status.renewal,
        })
    }

    fn activities(&self) -> Result<Vec<Activity>, ApiError> {
        let running = |id: &str, kind, subject: String, progress| Activity {
            id: id.to_owned(),
            kind,
            subject,
            progress,
            message: None,
        };
        let mut activities = self.problems().clone();
        let status = self.parts().library.status()?;
        if let Some(problem) = status.problem {
            let subject = "Library".to_owned();
            activities
                .push(Activity { message: Some(problem), ..running("library", ActivityKind::Problem, subject, None) });
        }
        if let Some(problem) = status.unembedded {
            let subject = "Library".to_owned();
            let problem =
                Activity { message: Some(problem), ..running("embedding", ActivityKind::Problem, subject, None) };
            activities.push(problem);
        }
        if status.pending > 0 && !status.paused && !status.on_battery {
            let (name, done) = (status.current.unwrap_or_default(), status.progress.map(|progress| progress.done));
            activities.push(running("indexing", ActivityKind::Indexing, name, done));
        }
        if status.erasing {
            activities.push(running("erasing", ActivityKind::Erasing, String::new(), None));
        }
        let models = self.parts().registry.list()?;
        if let Some(progress) = status.renewal.filter(|_| !status.paused) {
            let chosen = self.parts().settings.settings()?.embedder;
            let name =
                models.iter().find(|(spec, _)| chosen.as_ref() == Some(&spec.id)).map(|(spec, _)| spec.name.clone());
            activities.push(running("embedding", ActivityKind::Embedding, name.unwrap_or_default(), Some(progress)));
        }
        for (spec, state) in models {
            if state == LoadState::Loading {
                activities.push(running(spec.id.as_str(), ActivityKind::LoadingModel, spec.name, None));
            }
        }
        activities.extend(self.download_activities());
        for id in self.parts().assist.answering() {
            let title =
                self.parts().conversations.conversation(&id).map(|conversation| conversation.title).unwrap_or_default();
            activities.push(running(id.as_str(), ActivityKind::Answering, title, None));
        }
        Ok(activities)
    }

    pub async fn activity_dismiss(&self, request: ActivityRef) -> Result<Empty, ApiError> {
        self.problems().retain(|problem| problem.id != request.id);
        self.status_changed();
        Ok(Empty {})
    }

    pub async fn settings_get(&self) -> Result<Settings, ApiError> {
        Ok(self.parts().settings.settings()?)
    }

    /// Models are chosen with `model_set`, indexing is paused with `knowledge_pause` and the feed opened with `task_feed`; these
    /// fields are kept as they are.
    pub async fn settings_set(&self, request: Settings) -> Result<Settings, ApiError> {
        let old = self.parts().settings.settings()?;
        let settings = Settings {
            chat_model: old.chat_model,
            embedder: old.embedder,
            reranker: old.reranker,
            indexing_paused: old.indexing_paused,
            calendar_feed: old.calendar_feed,
            ..request
        };
        if settings.library_rules != old.library_rules {
            self.parts().library.set_rules(&settings.library_rules).map_err(ApiError::invalid)?;
        }
        self.save_settings(settings)
    }

    pub(crate) fn save_settings(&self, settings: Settings) -> Result<Settings, ApiError> {
        self.parts().settings.put_settings(&settings)?;
        self.parts().bus.send(Event::SettingsChanged { settings: settings.clone() });
        self.status_changed();
        Ok(settings)
    }

    /// Questions about the user's own documents and tasks, in the language of the interface.
    pub async fn suggestions(&self) -> Result<Suggestions, ApiError> {
        let chinese = self.parts().settings.settings()?.language == Language::ZhCn;
        let mut documents = self.parts().documents.documents(None)?;
        documents.retain(|document| document.state == DocumentState::Indexed);
        documents.sort_by_key(|document| std::cmp::Reverse(document.modified_at));
        let mut items: Vec<String> = documents
            .iter()
            .take(2)
            .map(|document| match chinese || document.name.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c)) {
                true => format!("用一句话总结《{}》", document.name),
                false => format!("Summarize {} in one line", document.name),
            })
            .collect();
        items.push(
            if chinese {
                "提醒我明天上午9点回顾本周计划"
            } else {
                "Remind me tomorrow at 9 to review the week"
            }
            .to_owned(),
        );
        items.truncate(SUGGESTIONS);
        Ok(Suggestions { items })
    }
}
