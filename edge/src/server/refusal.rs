//! Why a request is not answered, in the shape that OpenAI's clients read.
//!
//! `{"error": {"message", "type", "param", "code"}}`, and the status that fits.

use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::assistant::AssistantError;
use crate::generate::GenerateError;
use crate::memory::MemoryError;
use crate::memory::store::StoreError;

/// A request that is not answered.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    message: String,
    param: Option<String>,
    retry_after: Option<Duration>,
}

impl Refusal {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            code: None,
            message: message.into(),
            param: None,
            retry_after: None,
        }
    }

    fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// A value that is wrong; `param` names it.
    pub(super) fn invalid(param: impl Into<String>, message: impl fmt::Display) -> Self {
        let param = param.into();
        let message = if param.is_empty() {
            message.to_string()
        } else {
            format!("`{param}` {message}")
        };
        Self::new(StatusCode::BAD_REQUEST, INVALID, message)
            .with_code("invalid_value")
            .with_param(param)
    }

    /// Something that exists elsewhere and not here.
    pub(super) fn unsupported(param: impl Into<String>, message: impl fmt::Display) -> Self {
        Self {
            code: Some("unsupported_parameter"),
            ..Self::invalid(param, message)
        }
    }

    /// A field that nobody knows.
    pub(super) fn unknown_field(param: impl Into<String>) -> Self {
        Self {
            code: Some("unknown_parameter"),
            ..Self::invalid(param, "is not a parameter of this route")
        }
    }

    /// A body that is not what a request is made of.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID, message).with_code("invalid_json")
    }

    /// Another status than 400 for a request that is wrong.
    pub(super) fn status(status: StatusCode, code: &'static str, message: &str) -> Self {
        Self::new(status, INVALID, message).with_code(code)
    }

    /// There is no such model.
    pub(super) fn unknown_model(name: &str, there: &str) -> Self {
        let shown: String = name.chars().take(80).collect();
        let message = format!("the model {shown:?} is not loaded here; {there:?} is");
        Self::new(StatusCode::NOT_FOUND, INVALID, message)
            .with_code("model_not_found")
            .with_param("model")
    }

    /// There is no such thing.
    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, INVALID, message).with_code("not_found")
    }

    /// No token, or one that is not valid (any more).
    pub(super) fn unauthorised(message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication_error", message)
            .with_code("invalid_api_key")
    }

    /// Known, but not allowed.
    pub(super) fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission_error", message).with_code(code)
    }

    /// Every slot and every place in the queue is taken.
    pub(super) fn busy(retry_after: Duration) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limit_error",
                "every place in the queue is taken; try again later",
            )
            .with_code("queue_full")
        }
    }

    /// Not yet, or not any more.
    pub(super) fn unavailable(code: &'static str, message: &str) -> Self {
        Self {
            retry_after: Some(Duration::from_secs(2)),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER, message).with_code(code)
        }
    }

    /// Our own failure; what failed goes to the log, with no word of a user's.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        let told = told(error);
        tracing::error!(error = %told, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, SERVER, told)
    }

    /// The status it is answered with.
    pub(super) fn status_code(&self) -> u16 {
        self.status.as_u16()
    }

    /// What the body holds.
    pub(super) fn body(&self) -> Value {
        json!({"error": {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }})
    }
}

const INVALID: &str = "invalid_request_error";
const SERVER: &str = "server_error";

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let mut response = super::json_response(self.status, &self.body());
        if let Some(after) = self.retry_after {
            let seconds = HeaderValue::from(after.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

impl From<AssistantError> for Refusal {
    fn from(error: AssistantError) -> Self {
        match error {
            AssistantError::TooLong { tokens, budget } => too_long(tokens, budget),
            AssistantError::Render { source } => Self::invalid(
                "messages",
                format!("cannot be written as a prompt: {}", told(&source)),
            ),
            AssistantError::Generate { source } => source.into(),
            AssistantError::Memory { source } => source.into(),
            other => Self::internal(&other),
        }
    }
}

impl From<GenerateError> for Refusal {
    fn from(error: GenerateError) -> Self {
        match error {
            GenerateError::ContextFull { prompt, context } => too_long(prompt, context),
            GenerateError::EmptyPrompt => Self::invalid("prompt", "is empty"),
            GenerateError::Token { .. } => {
                Self::invalid("prompt", format!("cannot be read: {error}"))
            }
            GenerateError::Sampling { source } => Self::invalid(source.name, told(&source)),
            GenerateError::Busy { retry_after } => Self::busy(retry_after),
            GenerateError::Constraint { .. } => Self::invalid(
                "response_format",
                format!("cannot be kept to: {}", told(&error)),
            ),
            GenerateError::Adapter { .. } => Self::invalid("scrubjay.adapter", told(&error)),
            other => Self::internal(&other),
        }
    }
}

impl From<MemoryError> for Refusal {
    fn from(error: MemoryError) -> Self {
        match error {
            MemoryError::Unknown { .. }
            | MemoryError::Ambiguous { .. }
            | MemoryError::Store(StoreError::Missing { .. }) => Self::not_found(told(&error)),
            MemoryError::TooLong { .. } | MemoryError::Rating { .. } => {
                Self::invalid("", told(&error))
            }
            other => Self::internal(&other),
        }
    }
}

fn too_long(tokens: usize, room: usize) -> Refusal {
    Refusal {
        code: Some("context_length_exceeded"),
        ..Refusal::invalid(
            "messages",
            format!("need {tokens} tokens, the context has room for {room}"),
        )
    }
}

/// An error with its causes on one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(at) = cause {
        told = format!("{told}: {at}");
        cause = at.source();
    }
    told
}
