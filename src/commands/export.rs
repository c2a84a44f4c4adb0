//! `tf-mnist export`: a version for TensorFlow Serving, and the commands that serve and ask it.

use super::{failure, options, output, tensorflow, terminal};
use crate::cli::{ExportArgs, GlobalArgs};
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use tf_mnist::classifier::{self, Location};
use tf_mnist::graph::{Checkpoint, has_pattern};
use tf_mnist::saved_model::{self, Exported, MODEL_NAME};

/// # Errors
/// A usage error if the version exists, or MODEL or the base is a SavedModel; else the model cannot be had or written.
pub fn run(global: &GlobalArgs, args: &ExportArgs) -> Result<()> {
    saved_model::check_base(&args.export_base).context("EXPORT_BASE")?;
    let prefix = match classifier::locate(&args.model)? {
        Location::Checkpoint(prefix) => prefix,
        Location::SavedModel(folder) => {
            return Err(failure::usage(format!(
                "{} is a SavedModel already; name the run folder or the checkpoint it was made from",
                folder.display()
            )));
        }
    };
    // A wrong checkpoint is found out before TensorFlow is fetched.
    let network = args.network.as_deref().map(options::find_network).transpose()?;
    classifier::network_of(&Checkpoint::open(&prefix)?, network.as_ref())?;
    let (runtime, config) = tensorflow::open(global)?;
    config.uses_gpu(runtime)?; // an error where one is asked for in vain
    let options = config.session_options()?;
    let version = args.version.map(i64::unsigned_abs);
    let exported = saved_model::export(&prefix, network.as_ref(), &args.export_base, version, &options)?;
    // Serving and Docker want absolute paths.
    let base = absolute(&args.export_base)?;
    if has_pattern(&base.to_string_lossy()) {
        log::warn!(
            "{}: TensorFlow's own loaders take [, *, ? and \\ for patterns and find no variables there; serve it from a folder \
             without them, such as a container's mount or a link",
            base.display()
        );
    }
    output::print(&report(&prefix, &base, &exported)?)
}

fn report(prefix: &Path, base: &Path, exported: &Exported) -> Result<String> {
    let Exported { version, path, network } = exported;
    let request = absolute(&exported.rest_request())?;
    let source = format!("source={}", base.display());
    // Docker reads CSV here.
    let source =
        if source.contains([',', '"']) { format!("\"{}\"", source.replace('"', "\"\"")) } else { source };
    let mount = output::shell_word(format!("type=bind,{source},target=/models/{MODEL_NAME}"));
    let word = |option: &str, path: &Path| {
        let mut word = OsString::from(option);
        word.push(path);
        output::shell_word(word)
    };
    let base = word("--model_base_path=", base);
    let request = word("@", &request);
    Ok(format!(
        "\
{network}, {prefix}
exported as version {version}: {path}

Serve it:
  tensorflow_model_server --port=8500 --rest_api_port=8501 --model_name={MODEL_NAME} {base}
or in a container:
  docker run --rm -p 8500:8500 -p 8501:8501 --mount {mount} -e MODEL_NAME={MODEL_NAME} tensorflow/serving
Then ask about one image, a seven:
  curl -d {request} http://localhost:8501/v1/models/{MODEL_NAME}:predict
",
        prefix = terminal::name(prefix),
        path = terminal::name(path),
    ))
}

fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("cannot resolve {}", path.display()))
}
