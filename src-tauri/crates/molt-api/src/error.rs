//! Every error of the rooms below becomes one [`ApiError`], here and nowhere else.

use molt_assist::AssistError;
use molt_core::{DownloadError, EngineError, ExtractError, IndexError, StoreError};
use molt_knowledge::{AddError, OriginalError, RemoveError};
use molt_models::ModelError;
use molt_tasks::TaskError;

use crate::{ApiError, ErrorCode, KeyProblem};

impl ApiError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let trace_id = uuid::Uuid::new_v4().simple().to_string();
        let mut message = message.into();
        if let Some(first) = message.get(..1).map(str::to_uppercase) {
            message.replace_range(..1, &first);
        }
        if !message.ends_with(['.', '。', '?', '!']) {
            message.push('.');
        }
        tracing::info!(?code, %message, %trace_id, "a call failed");
        Self { code, message, hint: None, trace_id }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Invalid, message)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::NotFound(_) => ErrorCode::NotFound,
            StoreError::DiskFull => ErrorCode::DiskFull,
            StoreError::Failed(_) => ErrorCode::Internal,
        };
        let hint = (code == ErrorCode::DiskFull).then(|| "Free some space and try again.".to_owned());
        Self { hint, ..Self::new(code, error.to_string()) }
    }
}

impl From<KeyProblem> for ApiError {
    fn from(error: KeyProblem) -> Self {
        let code = match error {
            KeyProblem::Refused(_) => ErrorCode::Invalid,
            KeyProblem::Unavailable(_) => ErrorCode::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}

impl From<IndexError> for ApiError {
    fn from(error: IndexError) -> Self {
        let hint = if error.is_damage() {
            "It is being built again in the background. Try again in a while."
        } else {
            "Try again; if it stays, restart Moltworker."
        };
        Self::new(ErrorCode::Unavailable, error.to_string()).hint(hint)
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        let code = match error {
            EngineError::Busy => ErrorCode::Busy,
            EngineError::BadModel(_) | EngineError::ContextOverflow { .. } => ErrorCode::Invalid,
            EngineError::NotLoaded | EngineError::Crashed(_) | EngineError::Failed(_) => ErrorCode::Unavailable,
        };
        Self::new(code, error.to_string())
    }
}

impl From<ExtractError> for ApiError {
    fn from(error: ExtractError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<AssistError> for ApiError {
    fn from(error: AssistError) -> Self {
        match error {
            AssistError::Store(error) => error.into(),
            AssistError::Busy => {
                Self::new(ErrorCode::Busy, error.to_string()).hint("Stop it, or wait until it has ended.")
            }
            AssistError::Empty | AssistError::WrongRole(_) | AssistError::NotCut => Self::invalid(error.to_string()),
        }
    }
}

impl From<AddError> for ApiError {
    fn from(error: AddError) -> Self {
        match error {
            AddError::Store(error) => error.into(),
            error => Self::invalid(error.to_string()),
        }
    }
}

impl From<RemoveError> for ApiError {
    fn from(error: RemoveError) -> Self {
        match error {
            RemoveError::Store(error) => error.into(),
            RemoveError::Index(error) => error.into(),
        }
    }
}

impl From<OriginalError> for ApiError {
    fn from(error: OriginalError) -> Self {
        let (code, hint) = match error {
            OriginalError::Store(error) => return error.into(),
            OriginalError::Gone(_) => {
                (ErrorCode::NotFound, Some("It was moved or deleted; the library notices that by itself."))
            }
            OriginalError::Silent(_) => (ErrorCode::Unavailable, Some("Try again when it is connected.")),
            OriginalError::Outside(_) => (ErrorCode::Invalid, None),
            OriginalError::NotPaged(_) | OriginalError::TooLarge(_) | OriginalError::Unreadable { .. } => {
                (ErrorCode::Invalid, Some("Read its text, or open it in its own program."))
            }
        };
        Self { hint: hint.map(str::to_owned), ..Self::new(code, error.to_string()) }
    }
}

impl From<ModelError> for ApiError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Store(error) => error.into(),
            ModelError::BadFile(_) => Self::invalid(error.to_string()),
            ModelError::Load { source: EngineError::BadModel(_), .. } => Self::invalid(error.to_string()),
            ModelError::Load { .. } => Self::new(ErrorCode::Unavailable, error.to_string()),
        }
    }
}

impl From<DownloadError> for ApiError {
    fn from(error: DownloadError) -> Self {
        let (code, hint) = match error {
            DownloadError::Unknown | DownloadError::Missing(_) => (ErrorCode::NotFound, None),
            DownloadError::Invalid(_) => (ErrorCode::Invalid, None),
            DownloadError::DiskFull(_) => (ErrorCode::DiskFull, Some("Free some space and try again.")),
            DownloadError::Gated(_) => (ErrorCode::Unavailable, None),
            DownloadError::Unreachable(_) => (ErrorCode::Unavailable, Some("Check the connection and try again.")),
            DownloadError::Failed(_) => (ErrorCode::Internal, None),
        };
        Self { hint: hint.map(str::to_owned), ..Self::new(code, error.to_string()) }
    }
}

impl From<TaskError> for ApiError {
    fn from(error: TaskError) -> Self {
        match error {
            TaskError::Store(error) => error.into(),
            error => Self::invalid(error.to_string()),
        }
    }
}
