//! Why a command could not do what it was asked, and the exit code that says so: 1 for a failure, 2 for wrong usage.

use std::{io, process::ExitCode};

use molt_api::{ApiError, ErrorCode};
use serde_json::{Value, json};

#[derive(Debug)]
pub enum Failure {
    /// The program answered with an error.
    Api(ApiError),
    /// It could not be asked, or the answer cannot be used. One plain sentence, and what to do next.
    Plain { message: String, hint: Option<String> },
    /// What was typed or given cannot be meant.
    Usage(String),
    /// The output cannot be written.
    Output(io::Error),
    /// Everything was said already.
    Said,
}

impl Failure {
    pub fn plain(message: impl Into<String>) -> Self {
        Self::Plain { message: message.into(), hint: None }
    }

    pub fn hinted(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Plain { message: message.into(), hint: Some(hint.into()) }
    }

    /// The reader of our output went away (`| head`): that is no error, there is only nobody left to tell.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            _ if self.is_closed_pipe() => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        }
    }

    pub fn message(&self) -> String {
        match self {
            Self::Api(error) => error.message.clone(),
            Self::Plain { message, .. } | Self::Usage(message) => message.clone(),
            Self::Output(error) => format!("The output cannot be written: {error}."),
            Self::Said => String::new(),
        }
    }

    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Api(error) => error.hint.as_deref(),
            Self::Plain { hint, .. } => hint.as_deref(),
            _ => None,
        }
    }

    /// In the shape of an `ApiError`, whatever it is.
    pub fn to_json(&self) -> Value {
        let (code, trace_id) = match self {
            Self::Api(error) => (error.code, error.trace_id.as_str()),
            Self::Plain { .. } => (ErrorCode::Unavailable, ""),
            Self::Usage(_) => (ErrorCode::Invalid, ""),
            Self::Output(_) | Self::Said => (ErrorCode::Internal, ""),
        };
        json!({ "code": code, "message": self.message(), "hint": self.hint(), "trace_id": trace_id })
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

/// Only output is written with `?`; input that cannot be read says so in its own words.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_no_error() {
        let closed = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(closed.is_closed_pipe());
        assert_eq!(closed.exit_code(), ExitCode::SUCCESS);
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::StorageFull)).exit_code(), ExitCode::FAILURE);
        assert_eq!(Failure::Usage("x".into()).exit_code(), ExitCode::from(2));
    }

    #[test]
    fn every_failure_looks_like_an_api_error() {
        let failure = Failure::hinted("It is away.", "Look for it.");
        let error: ApiError = serde_json::from_value(failure.to_json()).unwrap();
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::Unavailable, "It is away."));
        assert_eq!(error.hint.as_deref(), Some("Look for it."));
    }
}
