//! The test set, image by image, with the weights that a run kept.

use super::super::{data, model};
use crate::cli::{GlobalArgs, ModelArgs};
use anyhow::{Context, Result, bail};
use std::path::Path;
use tf_mnist::classifier::{self, Evaluation};
use tf_mnist::dataset::{self, Part, Split};
use tf_mnist::graph::{Checkpoint, latest_checkpoint};
use tf_mnist::training::RunConfig;

/// What the weights make of the test set.
pub struct Test {
    pub split: Split,
    pub evaluation: Evaluation,
    /// The label of the first class in the files.
    pub first_label: usize,
    /// The checkpoint's name.
    pub checkpoint: String,
    pub filters: Option<Filters>,
}

/// The filters of the first convolution of gray images.
pub struct Filters {
    /// Of its layer.
    pub name: String,
    /// Height, width and number.
    pub shape: [usize; 3],
    /// float32 `[height, width, 1, number]`, row-major.
    pub values: Vec<f32>,
}

impl Test {
    /// # Errors
    /// There is no checkpoint yet, the data set cannot be had, or TensorFlow fails.
    pub fn of(global: &GlobalArgs, run: &Path, config: &RunConfig, chunk: usize) -> Result<Self> {
        if latest_checkpoint(run)?.is_none() {
            bail!("there is no checkpoint in {} yet", run.display());
        }
        let classifier = model::classifier(global, &ModelArgs { path: run.to_path_buf(), network: None })?;
        let form = config.data_form();
        let split = match (&global.data_dir, &config.data_dir) {
            (None, Some(folder)) => dataset::load_part_from(folder, Part::Test, &form)
                .context("the run's data set cannot be read; --data-dir names its new place")?,
            _ => data::load_part(global, Part::Test, &form)?,
        };
        let evaluation = classifier::evaluate(&classifier, &split, chunk)?;
        let checkpoint = classifier.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let filters = Filters::read(config, classifier.path())?;
        Ok(Self { split, evaluation, first_label: usize::from(form.first_label), checkpoint, filters })
    }

    /// The label of a class as the files have it.
    pub fn label(&self, class: usize) -> usize {
        self.first_label + class
    }
}

impl Filters {
    fn read(config: &RunConfig, prefix: &Path) -> Result<Option<Self>> {
        let of_gray = |shape: &[u64]| matches!(shape, [_, _, 1, _]);
        let Some(kernel) = config.network.variables().into_iter().find(|kernel| of_gray(&kernel.shape))
        else {
            return Ok(None);
        };
        let values = Checkpoint::open(prefix)?.read_f32(&kernel.name)?;
        let shape = [kernel.shape[0], kernel.shape[1], kernel.shape[3]].map(|size| size as usize);
        let name = kernel.name.split('/').next().unwrap_or_default().to_owned();
        Ok(Some(Self { name, shape, values }))
    }
}
