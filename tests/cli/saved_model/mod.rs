//! Exported models, loaded by TensorFlow's C++ loader, the one that Serving uses: they answer as Python's graphs do.

mod examples;
mod refusals;
mod served;

use prost::Message;
use served::{Served, greatest_difference};
use std::fs;
use std::path::{Path, PathBuf};
use support::hundred_digits;
use support::hundred_digits::{HundredDigits, golden, load};
use support::names;
use tensorflow::{SessionOptions, Tensor};
use tf_mnist::classifier::Classifier;
use tf_mnist::graph::proto::{MetaGraphDef, TensorShape};
use tf_mnist::model::Convolutions;
use tf_mnist::saved_model::{self, CLASSIFY, Exported, PREDICT_BYTES, SERVING_DEFAULT, SavedModelError};

/// Checkpoints and the networks that they are of.
const NETWORKS: [(&str, &str); 2] = [("baseline", "baseline"), ("optimized_nodrop", "optimized")];

fn export(prefix: &Path, base: &Path, version: Option<u64>) -> Result<Exported, SavedModelError> {
    load();
    saved_model::export(prefix, None, base, version, &SessionOptions::new())
}

fn name_of(classifier: &Classifier) -> Option<String> {
    classifier.table().map(|table| table.name.clone())
}

fn final_checkpoint(network: &str) -> PathBuf {
    golden(&format!("{network}/final.ckpt"))
}

#[test]
fn python_s_checkpoints_answer_the_same_when_asked_by_floats_or_bytes() {
    let digits = HundredDigits::read();
    for (network, kind) in NETWORKS {
        let folder = tempfile::tempdir().unwrap();
        let exported = export(&final_checkpoint(network), folder.path(), None).unwrap();
        assert_eq!((exported.version, exported.network.as_str()), (1, kind));
        assert_eq!(exported.path, folder.path().join("1"));
        let served = Served::load(&exported.path);
        let expected = hundred_digits::python_s_probabilities(network);
        let classes = hundred_digits::likeliest(&expected);

        let floats = Tensor::new(&[100, 784]).with_values(&digits.floats).unwrap();
        let bytes = Tensor::new(&[100, 28, 28]).with_values(&digits.bytes).unwrap();
        assert_eq!(served.method(SERVING_DEFAULT), "tensorflow/serving/predict");
        assert_eq!(served.method(PREDICT_BYTES), "tensorflow/serving/predict");
        let by_floats: Tensor<f32> = served.run(SERVING_DEFAULT, &floats, "probabilities");
        let by_bytes: Tensor<f32> = served.run(PREDICT_BYTES, &bytes, "probabilities");
        assert_eq!((by_floats.dims(), by_bytes.dims()), (&[100, 10][..], &[100, 10][..]));
        let difference = greatest_difference(&by_floats, &expected);
        assert!(difference < 1e-5, "{network}: {difference}");
        assert!(by_floats[..] == by_bytes[..], "{network}: bytes are other numbers than floats");
        let by_floats: Tensor<i64> = served.run(SERVING_DEFAULT, &floats, "classes");
        let by_bytes: Tensor<i64> = served.run(PREDICT_BYTES, &bytes, "classes");
        assert_eq!(by_floats.dims(), [100]);
        assert_eq!((&by_floats[..], &by_bytes[..]), (&classes[..], &classes[..]));
    }
}

#[test]
fn an_export_holds_just_what_serving_needs() {
    let folder = tempfile::tempdir().unwrap();
    let exported = export(&final_checkpoint("optimized_nodrop"), folder.path(), Some(42)).unwrap();
    assert_eq!((exported.version, &exported.path), (42, &folder.path().join("42")));
    assert_eq!(names(folder.path()), ["42"]);
    assert_eq!(names(&exported.path), ["assets.extra", "saved_model.pb", "variables"]);
    assert_eq!(names(&exported.path.join("variables")), ["variables.data-00000-of-00001", "variables.index"]);
    assert_eq!(
        names(&exported.path.join("assets.extra")),
        ["network.json", "rest_request.json", "tf_serving_warmup_requests"]
    );
    let request = fs::read(exported.rest_request()).unwrap();
    let request: serde_json::Value = serde_json::from_slice(&request).unwrap();
    let image: Vec<f32> = serde_json::from_value(request["instances"][0].clone()).unwrap();
    assert!(image.len() == 784 && image.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
    let classifier = Classifier::from_saved_model(&exported.path, &SessionOptions::new()).unwrap();
    assert_eq!(hundred_digits::likeliest(&classifier.probabilities(&image).unwrap()), [7]);

    let served = Served::load(&exported.path);
    let mut names: Vec<_> = served.meta_graph().signatures().keys().collect();
    names.sort();
    assert_eq!(names, [CLASSIFY, PREDICT_BYTES, SERVING_DEFAULT]);
    for operation in served.graph.operation_iter() {
        let (name, op) = (operation.name().unwrap(), operation.op_type().unwrap());
        let unwanted =
            ["VariableV2", "Adam", "Switch", "Merge", "Assert", "Gradient", "labels", "training", "dropout"];
        assert!(unwanted.iter().all(|part| !name.contains(part) && !op.contains(part)), "{op} {name}");
    }
}

#[test]
fn a_version_that_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let first = export(&final_checkpoint("baseline"), folder.path(), None).unwrap();
    let before = fs::read(first.path.join("saved_model.pb")).unwrap();
    let error = export(&final_checkpoint("optimized_nodrop"), folder.path(), Some(1)).unwrap_err();
    assert!(matches!(error, SavedModelError::VersionExists { .. }), "{error}");
    assert_eq!(fs::read(first.path.join("saved_model.pb")).unwrap(), before);
    assert_eq!(names(folder.path()), ["1"]);
    let second = export(&final_checkpoint("optimized_nodrop"), folder.path(), None).unwrap();
    assert_eq!(second.version, 2);

    // Under any spelling, whatever it is.
    fs::create_dir(folder.path().join("007")).unwrap();
    fs::write(folder.path().join("8"), "").unwrap();
    for version in [7, 8] {
        let error = export(&final_checkpoint("baseline"), folder.path(), Some(version)).unwrap_err();
        assert!(matches!(error, SavedModelError::VersionExists { .. }), "{error}");
    }
    fs::create_dir(folder.path().join(i64::MAX.to_string())).unwrap();
    let error = export(&final_checkpoint("baseline"), folder.path(), None).unwrap_err();
    assert!(matches!(error, SavedModelError::NoVersionLeft { .. }), "{error}");
}

#[test]
fn the_same_checkpoint_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        export(&final_checkpoint("optimized_nodrop"), folder.path(), None).unwrap();
    }
    for file in ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"] {
        let read = |version: &str| fs::read(folder.path().join(version).join(file)).unwrap();
        assert!(read("1") == read("2"), "{file}");
    }
}

#[test]
fn a_classifier_says_the_same_of_a_checkpoint_and_of_its_export() {
    let digits = HundredDigits::read();
    for (network, kind) in NETWORKS {
        let folder = tempfile::tempdir().unwrap();
        export(&final_checkpoint(network), folder.path(), Some(10)).unwrap();
        // The highest number that is a model counts.
        for name in ["9", "0011", "x12", "+13", ".14", "99999999999999999999"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("9/saved_model.pb"), "").unwrap();
        let options = SessionOptions::new();
        let checkpoint =
            Classifier::open(&final_checkpoint(network), None, &options, Convolutions::TensorFlow).unwrap();
        let exported = Classifier::open(folder.path(), None, &options, Convolutions::TensorFlow).unwrap();
        assert_eq!((name_of(&checkpoint), name_of(&exported)), (Some(kind.to_owned()), None));
        let expected = checkpoint.probabilities(&digits.floats).unwrap();
        assert!(greatest_difference(&expected, &hundred_digits::python_s_probabilities(network)) < 1e-5);
        let answer = exported.probabilities(&digits.floats).unwrap();
        assert!(greatest_difference(&expected, &answer) < 1e-6);
        assert!(exported.probabilities(&[]).unwrap().is_empty());
        // The next one is beyond all numbers.
        assert_eq!(export(&final_checkpoint(network), folder.path(), None).unwrap().version, 12);
    }
}

#[test]
fn a_damaged_saved_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let exported = export(&final_checkpoint("baseline"), folder.path(), None).unwrap();
    let graph = exported.path.join("saved_model.pb");
    let whole = fs::read(&graph).unwrap();
    let open =
        || Classifier::open(&exported.path, None, &SessionOptions::new(), Convolutions::TensorFlow).map(drop);
    for length in [0, whole.len() / 2, whole.len() - 1] {
        fs::write(&graph, &whole[..length]).unwrap();
        let error = open().unwrap_err();
        assert!(error.to_string().contains("cannot load the SavedModel"), "{length}: {error}");
    }
    fs::write(&graph, &whole).unwrap();
    fs::remove_file(exported.path.join("variables/variables.index")).unwrap();
    assert!(open().is_err());
}

/// `saved_model.pb`.
#[derive(Clone, PartialEq, Message)]
struct SavedModel {
    #[prost(int64, tag = "1")]
    schema_version: i64,
    #[prost(message, repeated, tag = "2")]
    meta_graphs: Vec<MetaGraphDef>,
}

#[test]
fn images_of_no_pixels_or_of_terabytes_do_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let exported = export(&final_checkpoint("baseline"), folder.path(), None).unwrap();
    let file = exported.path.join("saved_model.pb");
    let mut model = SavedModel::decode(&fs::read(&file).unwrap()[..]).unwrap();
    for sizes in [&[-1, 0, 28][..], &[-1, 28, 0], &[-1, 1_000_000, 1_000_000], &[-5, 784], &[-1, -2]] {
        let signature = model.meta_graphs[0].signature_def.get_mut(SERVING_DEFAULT).unwrap();
        let dim = sizes.to_vec();
        signature.inputs.get_mut("images").unwrap().tensor_shape = Some(TensorShape { dim });
        fs::write(&file, model.encode_to_vec()).unwrap();
        let error = Classifier::from_saved_model(&exported.path, &SessionOptions::new()).unwrap_err();
        assert!(
            error.to_string().contains(&format!("does not fit: its input \"images\" is float {sizes:?}.")),
            "{error}"
        );
    }
}
