//! What is served: the page, its style and script, and answers about pictures.

use super::guard::guard;
use super::page::page;
use super::reader::{Answer, MAX_PICTURE_BYTES, ReadError, Reader};
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http_body_util::BodyExt;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// The most bytes of all pictures that are being sent or wait for their turn.
const MAX_WAITING_BYTES: usize = 64 * MAX_PICTURE_BYTES;
/// How long sending a picture may take.
const PATIENCE: Duration = Duration::from_secs(10);

struct Desk {
    reader: Arc<Reader>,
    /// Bytes that may still come.
    room: Semaphore,
    /// One picture at a time, since a picture of a megabyte may be of half a billion pixels.
    turn: Arc<Semaphore>,
}

/// All that is served to the page on `port`.
pub fn routes(reader: Reader, port: u16) -> Router {
    let html = page(&reader).into_string();
    let text = |kind, text: &'static str| get(([(header::CONTENT_TYPE, kind)], text));
    let desk = Desk {
        reader: Arc::new(reader),
        room: Semaphore::new(MAX_WAITING_BYTES),
        turn: Arc::new(Semaphore::new(1)),
    };
    Router::new()
        .route("/", get(Html(html)))
        .route("/page.css", text("text/css; charset=utf-8", include_str!("page.css")))
        .route("/page.js", text("text/javascript; charset=utf-8", include_str!("page.js")))
        .route("/classify", post(classify))
        .with_state(Arc::new(desk))
        .layer(from_fn_with_state(port, guard))
}

/// Why a picture gets no answer.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the picture did not arrive whole")]
    Incomplete,
    #[error("the picture took more than {} s to arrive", PATIENCE.as_secs())]
    Slow,
    #[error("the picture has more than 1 MB")]
    TooLarge,
    #[error("too many pictures at once")]
    Busy,
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("reading the picture broke off")]
    Panicked,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Incomplete => StatusCode::BAD_REQUEST,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Read(ReadError::Picture(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Read(ReadError::Model(_)) | Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            log::error!("{self}");
        }
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}

async fn classify(State(desk): State<Arc<Desk>>, body: Body) -> Result<Json<Answer>, Refusal> {
    let received = timeout(PATIENCE, receive(body, &desk.room)).await;
    let (bytes, _room) = received.map_err(|_| Refusal::Slow)??;
    // Who goes away while waiting loses the turn; a picture that is being read keeps it.
    let turn = Arc::clone(&desk.turn).acquire_owned().await.map_err(|_| Refusal::Busy)?;
    let reader = Arc::clone(&desk.reader);
    let read = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        reader.read(&bytes)
    });
    Ok(Json(read.await.map_err(|_| Refusal::Panicked)??))
}

/// The bytes of a picture, for each of which there was room.
async fn receive(mut body: Body, room: &Semaphore) -> Result<(Vec<u8>, SemaphorePermit<'_>), Refusal> {
    let too_large = |bytes: usize| if bytes > MAX_PICTURE_BYTES { Err(Refusal::TooLarge) } else { Ok(()) };
    too_large(usize::try_from(axum::body::HttpBody::size_hint(&body).lower()).unwrap_or(usize::MAX))?;
    let mut bytes = Vec::new();
    let mut taken = room.try_acquire_many(0).map_err(|_| Refusal::Busy)?;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::Incomplete)?.into_data() else {
            continue; // trailers
        };
        too_large(bytes.len() + data.len())?;
        let more = u32::try_from(data.len()).map_err(|_| Refusal::TooLarge)?;
        taken.merge(room.try_acquire_many(more).map_err(|_| Refusal::Busy)?);
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, taken))
}
