//! From a picture's bytes to what the page shows, through the same code as `predict`.

use anyhow::Result;
use axum::Json;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use tf_mnist::classifier::Classifier;
use tf_mnist::drawing::Picture;
use tf_mnist::picture::{self, PictureError, Target};
use tokio::sync::Semaphore;

/// The most bytes of a picture.
pub const MAX_PICTURE_BYTES: usize = 1_000_000;
/// The most bytes of all pictures that are being sent or wait for their turn.
const MAX_WAITING_BYTES: usize = 64 * MAX_PICTURE_BYTES;

/// What messages call a picture that has no file here.
const NAME: &str = "the picture";

/// A model that is asked about pictures.
pub struct Reader {
    pub classifier: Classifier,
    /// What pictures are made to be.
    pub target: Target,
    /// What the classes are called, in order.
    pub labels: Range<usize>,
    /// Bytes that may still come.
    pub room: Semaphore,
    /// One picture at a time, since a picture of a megabyte may be of half a billion pixels.
    pub turn: Arc<Semaphore>,
}

/// What the network makes of a picture.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// Of the classes in order.
    probabilities: Vec<f32>,
    /// The picture as the network is fed it, as the `data:` URL of a PNG file.
    image: String,
    /// Why what was read may not be what is drawn.
    warnings: Vec<String>,
}

/// Why there is no answer, as the page is told.
pub type Refusal = (StatusCode, Json<Value>);

/// That there is none; what is no fault of the picture's is logged.
pub fn refusal(status: StatusCode, why: impl ToString) -> Refusal {
    let why = why.to_string();
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        log::error!("{why}");
    }
    (status, Json(json!({ "error": why })))
}

/// Why a picture cannot be used, to somebody who has a page and no command line.
fn on_the_page(error: &PictureError) -> String {
    match error {
        PictureError::Unusable(digit_pictures::DigitError::Blank { .. }) => {
            format!("{NAME} is blank, or what is on it is too faint")
        }
        PictureError::ForeignFormat { kind, .. } => {
            format!("this is {kind}; only PNG and JPEG pictures are read here")
        }
        PictureError::UnknownFormat(_) => "only PNG and JPEG pictures are read here".to_owned(),
        other => other.to_string(),
    }
}

impl Reader {
    /// # Errors
    /// The model does not run: it is asked once, so that the first drawing waits no longer than others.
    pub fn new(classifier: Classifier) -> Result<Self> {
        let form = classifier.data_form(0);
        classifier.probabilities(&vec![0.0; classifier.pixels()])?;
        let first = usize::from(form.first_label);
        Ok(Self {
            target: picture::target(&form, classifier.pictures()),
            labels: first..first + classifier.classes(),
            room: Semaphore::new(MAX_WAITING_BYTES),
            turn: Arc::new(Semaphore::new(1)),
            classifier,
        })
    }

    /// Reads a PNG or JPEG file and asks the network.
    pub fn read(&self, bytes: &[u8]) -> Result<Answer, Refusal> {
        let prepared = picture::read_bytes(Path::new(NAME), bytes, &self.target)
            .map_err(|error| refusal(StatusCode::UNPROCESSABLE_ENTITY, on_the_page(&error)))?;
        let probabilities = self.classifier.probabilities(&prepared.image);
        let levels: Vec<_> = prepared.image.iter().map(|level| (level * 255.0).round() as u8).collect();
        Ok(Answer {
            probabilities: probabilities
                .map_err(|error| refusal(StatusCode::INTERNAL_SERVER_ERROR, error))?,
            image: Picture::of_gray(&levels, self.target.image_size, 1).to_data_url(),
            warnings: prepared.doubts,
        })
    }
}
