//! What is served: the page, its style and script, and answers about pictures.

use super::guard::guard;
use super::page::page;
use super::reader::{Answer, MAX_PICTURE_BYTES, Reader, Refusal, refusal};
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use http_body_util::BodyExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// How long sending a picture may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// All that is served to the page on `port`.
pub fn routes(reader: Reader, port: u16) -> Router {
    let html = page(&reader).into_string();
    let text = |kind, text: &'static str| get(([(header::CONTENT_TYPE, kind)], text));
    Router::new()
        .route("/", get(Html(html)))
        .route("/page.css", text("text/css; charset=utf-8", include_str!("page.css")))
        .route("/page.js", text("text/javascript; charset=utf-8", include_str!("page.js")))
        .route("/classify", post(classify))
        .with_state(Arc::new(reader))
        .layer(from_fn_with_state(port, guard))
}

async fn classify(State(reader): State<Arc<Reader>>, body: Body) -> Result<Json<Answer>, Refusal> {
    let slow = |_| {
        refusal(StatusCode::REQUEST_TIMEOUT, format!("the picture took more than {PATIENCE:?} to arrive"))
    };
    let (bytes, _room) = timeout(PATIENCE, receive(body, &reader.room)).await.map_err(slow)??;
    // Who goes away while waiting loses the turn; a picture that is being read keeps it.
    let turn = Arc::clone(&reader.turn).acquire_owned().await.map_err(busy)?;
    let asked = Arc::clone(&reader);
    let read = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        asked.read(&bytes)
    });
    let panicked = |_| refusal(StatusCode::INTERNAL_SERVER_ERROR, "reading the picture broke off");
    Ok(Json(read.await.map_err(panicked)??))
}

fn busy<E>(_: E) -> Refusal {
    refusal(StatusCode::SERVICE_UNAVAILABLE, "too many pictures at once")
}

/// The bytes of a picture, for each of which there was room.
async fn receive(mut body: Body, room: &Semaphore) -> Result<(Vec<u8>, SemaphorePermit<'_>), Refusal> {
    let check = |bytes: u64| match bytes > MAX_PICTURE_BYTES as u64 {
        true => Err(refusal(StatusCode::PAYLOAD_TOO_LARGE, "the picture has more than 1 MB")),
        false => Ok(()),
    };
    check(axum::body::HttpBody::size_hint(&body).lower())?;
    let mut bytes = Vec::new();
    let mut taken = room.try_acquire_many(0).map_err(busy)?;
    while let Some(frame) = body.frame().await {
        let broken = |_| refusal(StatusCode::BAD_REQUEST, "the picture did not arrive whole");
        let Ok(data) = frame.map_err(broken)?.into_data() else {
            continue; // trailers
        };
        check((bytes.len() + data.len()) as u64)?;
        taken.merge(room.try_acquire_many(data.len() as u32).map_err(busy)?);
        bytes.extend_from_slice(&data);
    }
    Ok((bytes, taken))
}
