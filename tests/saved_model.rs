//! Exported models, loaded by TensorFlow's C++ loader, the one that Serving uses: they answer as Python's graphs do.

#[path = "support/hundred_digits.rs"]
mod hundred_digits;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hundred_digits::{HundredDigits, golden, load};
use prost::Message;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tensorflow::{
    DataType, Graph, ImportGraphDefOptions, MetaGraphDef, Operation, SavedModelBundle, Session,
    SessionOptions, SessionRunArgs, Tensor, TensorType,
};
use tf_mnist::classifier::{Classifier, ClassifierError};
use tf_mnist::graph::{CheckpointError, GraphError, Initializer, Saver, Scope, Variable};
use tf_mnist::model::Kind;
use tf_mnist::saved_model::{self, CLASSIFY, Exported, PREDICT_BYTES, SERVING_DEFAULT, SavedModelError};

const NETWORKS: [(&str, Kind); 2] = [
    ("baseline", Kind::Baseline),
    ("optimized_nodrop", Kind::Optimized),
];

fn export(prefix: &Path, base: &Path, version: Option<u64>) -> Result<Exported, SavedModelError> {
    load();
    saved_model::export(prefix, base, version, &SessionOptions::new())
}

fn final_checkpoint(network: &str) -> PathBuf {
    golden(&format!("{network}/final.ckpt"))
}

/// A SavedModel as C's loader gives it.
struct Served {
    graph: Graph,
    bundle: SavedModelBundle,
}

impl Served {
    fn load(folder: &Path) -> Self {
        let mut graph = Graph::new();
        let bundle = SavedModelBundle::load(&SessionOptions::new(), ["serve"], &mut graph, folder).unwrap();
        Self { graph, bundle }
    }

    fn meta_graph(&self) -> &MetaGraphDef {
        self.bundle.meta_graph_def()
    }

    fn method(&self, signature: &str) -> &str {
        self.meta_graph().get_signature(signature).unwrap().method_name()
    }

    /// The full name of the signature's one input, and of an output.
    fn names(&self, signature: &str, output: &str) -> (String, String) {
        let signature = self.meta_graph().get_signature(signature).unwrap();
        assert_eq!(signature.inputs().len(), 1);
        let input = signature.inputs().values().next().unwrap().name();
        let output = signature.get_output(output).unwrap().name();
        assert_eq!((input.index, output.index), (0, 0));
        (input.name.clone(), output.name.clone())
    }

    fn run<I: TensorType, O: TensorType>(
        &self,
        signature: &str,
        input: &Tensor<I>,
        output: &str,
    ) -> Tensor<O> {
        let (input_name, output_name) = self.names(signature, output);
        fetch(
            &self.bundle.session,
            &operation(&self.graph, &input_name),
            input,
            &operation(&self.graph, &output_name),
        )
    }
}

fn operation(graph: &Graph, name: &str) -> Operation {
    graph.operation_by_name_required(name).unwrap()
}

fn fetch<I: TensorType, O: TensorType>(
    session: &Session,
    input: &Operation,
    value: &Tensor<I>,
    output: &Operation,
) -> Tensor<O> {
    let mut args = SessionRunArgs::new();
    args.add_feed(input, 0, value);
    let token = args.request_fetch(output, 0);
    session.run(&mut args).unwrap();
    args.fetch(token).unwrap()
}

fn greatest_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn python_s_checkpoints_answer_the_same_when_asked_by_floats_or_bytes() {
    let digits = HundredDigits::read();
    for (network, kind) in NETWORKS {
        let folder = tempfile::tempdir().unwrap();
        let exported = export(&final_checkpoint(network), folder.path(), None).unwrap();
        assert_eq!((exported.version, exported.kind), (1, kind));
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
        assert_eq!(
            (by_floats.dims(), by_bytes.dims()),
            (&[100, 10][..], &[100, 10][..])
        );
        for answer in [&by_floats, &by_bytes] {
            let difference = greatest_difference(answer, &expected);
            assert!(difference < 1e-5, "{network}: {difference}");
        }
        let by_floats: Tensor<i64> = served.run(SERVING_DEFAULT, &floats, "classes");
        let by_bytes: Tensor<i64> = served.run(PREDICT_BYTES, &bytes, "classes");
        assert_eq!(by_floats.dims(), [100]);
        assert_eq!((&by_floats[..], &by_bytes[..]), (&classes[..], &classes[..]));
    }
}

#[derive(Clone, PartialEq, Message)]
struct Example {
    #[prost(message, optional, tag = "1")]
    features: Option<Features>,
}

#[derive(Clone, PartialEq, Message)]
struct Features {
    #[prost(btree_map = "string, message", tag = "1")]
    feature: BTreeMap<String, Feature>,
}

#[derive(Clone, PartialEq, Message)]
struct Feature {
    #[prost(message, optional, tag = "2")]
    float_list: Option<FloatList>,
}

#[derive(Clone, PartialEq, Message)]
struct FloatList {
    #[prost(float, repeated, tag = "1")]
    value: Vec<f32>,
}

/// A serialized `tf.Example` with the feature `image`.
fn example(image: &[f32]) -> Vec<u8> {
    let image = Feature {
        float_list: Some(FloatList {
            value: image.to_vec(),
        }),
    };
    let feature = BTreeMap::from([("image".to_owned(), image)]);
    Example {
        features: Some(Features { feature }),
    }
    .encode_to_vec()
}

/// The crate feeds only UTF-8, which serialized examples are not. So the exported graph is put behind a decoder of
/// base64, and its variables are restored as its SaverDef says: by names that are fixed here.
#[test]
fn python_s_checkpoints_answer_the_same_when_asked_by_examples() {
    let digits = HundredDigits::read();
    for (network, _) in NETWORKS {
        let folder = tempfile::tempdir().unwrap();
        let exported = export(&final_checkpoint(network), folder.path(), None).unwrap();
        let served = Served::load(&exported.path);
        assert_eq!(served.method(CLASSIFY), "tensorflow/serving/classify");
        let signature = served.meta_graph().get_signature(CLASSIFY).unwrap();
        assert_eq!(signature.outputs().len(), 2);
        let (examples, scores) = served.names(CLASSIFY, "scores");
        let (_, classes) = served.names(CLASSIFY, "classes");

        let scope = Scope::new(None);
        let encoded = scope
            .op("Placeholder", "base64")
            .data_type("dtype", DataType::String)
            .shape("shape", &[None])
            .output()
            .unwrap();
        let decoded = scope
            .op("DecodeBase64", "decoded")
            .input(&encoded)
            .output()
            .unwrap();
        let mut graph = Graph::new();
        let nothing = ImportGraphDefOptions::new();
        graph
            .import_graph_def(&scope.graph_def().unwrap(), &nothing)
            .unwrap();
        let mut behind = ImportGraphDefOptions::new();
        let decoded = operation(&graph, &decoded.operation.name().unwrap());
        behind
            .add_input_mapping(&examples, 0, &decoded.output(0))
            .unwrap();
        graph
            .import_graph_def(&served.graph.graph_def().unwrap(), &behind)
            .unwrap();
        let session = Session::new(&SessionOptions::new(), &graph).unwrap();
        let variables = exported
            .path
            .join("variables/variables")
            .to_str()
            .unwrap()
            .to_owned();
        let variables = Tensor::<String>::from(variables);
        let mut restore = SessionRunArgs::new();
        restore.add_feed(&operation(&graph, "save/Const"), 0, &variables);
        restore.add_target(&operation(&graph, "save/restore_all"));
        session.run(&mut restore).unwrap();

        let encoded: Vec<_> = digits
            .floats
            .chunks_exact(784)
            .map(|image| URL_SAFE_NO_PAD.encode(example(image)))
            .collect();
        let encoded = Tensor::new(&[100]).with_values(&encoded).unwrap();
        let input = operation(&graph, "base64");
        let scores: Tensor<f32> = fetch(&session, &input, &encoded, &operation(&graph, &scores));
        let classes: Tensor<String> = fetch(&session, &input, &encoded, &operation(&graph, &classes));
        assert_eq!((scores.dims(), classes.dims()), (&[100, 10][..], &[100, 10][..]));
        let difference = greatest_difference(&scores, &hundred_digits::python_s_probabilities(network));
        assert!(difference < 1e-5, "{network}: {difference}");
        for row in classes.chunks_exact(10) {
            assert_eq!(row.concat(), "0123456789");
        }
    }
}

#[test]
fn an_export_holds_just_what_serving_needs() {
    let folder = tempfile::tempdir().unwrap();
    let exported = export(&final_checkpoint("optimized_nodrop"), folder.path(), Some(42)).unwrap();
    assert_eq!(
        (exported.version, &exported.path),
        (42, &folder.path().join("42"))
    );
    assert_eq!(files_in(folder.path()), ["42"]);
    assert_eq!(
        files_in(&exported.path),
        ["assets.extra", "saved_model.pb", "variables"]
    );
    assert_eq!(
        files_in(&exported.path.join("variables")),
        ["variables.data-00000-of-00001", "variables.index"]
    );
    assert_eq!(
        files_in(&exported.path.join("assets.extra")),
        ["rest_request.json", "tf_serving_warmup_requests"]
    );
    assert!(exported.rest_request().is_file());

    let served = Served::load(&exported.path);
    let mut names: Vec<_> = served.meta_graph().signatures().keys().collect();
    names.sort();
    assert_eq!(names, [CLASSIFY, PREDICT_BYTES, SERVING_DEFAULT]);
    for operation in served.graph.operation_iter() {
        let (name, op) = (operation.name().unwrap(), operation.op_type().unwrap());
        let unwanted = [
            "Adam", "Switch", "Merge", "Assert", "Gradient", "labels", "training", "dropout",
        ];
        assert!(
            unwanted
                .iter()
                .all(|part| !name.contains(part) && !op.contains(part)),
            "{op} {name}"
        );
    }
}

fn files_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_version_that_is_there_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let first = export(&final_checkpoint("baseline"), folder.path(), None).unwrap();
    let before = fs::read(first.path.join("saved_model.pb")).unwrap();
    let error = export(&final_checkpoint("optimized_nodrop"), folder.path(), Some(1)).unwrap_err();
    assert!(matches!(error, SavedModelError::VersionExists { .. }), "{error}");
    assert_eq!(fs::read(first.path.join("saved_model.pb")).unwrap(), before);
    assert_eq!(files_in(folder.path()), ["1"]);
    let second = export(&final_checkpoint("optimized_nodrop"), folder.path(), None).unwrap();
    assert_eq!(second.version, 2);
}

#[test]
fn the_same_checkpoint_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        export(&final_checkpoint("optimized_nodrop"), folder.path(), None).unwrap();
    }
    for file in [
        "saved_model.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
    ] {
        let read = |version: &str| fs::read(folder.path().join(version).join(file)).unwrap();
        assert!(read("1") == read("2"), "{file}");
    }
}

#[test]
fn what_cannot_be_exported_is_refused_and_leaves_nothing() {
    load();
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base");
    let refused = |prefix: &Path| {
        let error = export(prefix, &base, None).unwrap_err();
        assert!(!base.exists(), "{error}");
        error
    };

    let error = refused(&folder.path().join("missing"));
    assert!(
        matches!(
            error,
            SavedModelError::Graph(GraphError::Checkpoint(CheckpointError::Missing { .. }))
        ),
        "{error}"
    );

    let other = save_variables(folder.path(), "other", &[("dense/kernel", &[3, 4])]);
    let error = refused(&other);
    assert!(matches!(
        error,
        SavedModelError::Model(ClassifierError::UnknownNetwork { .. })
    ));
    let message = error.to_string();
    assert!(
        message.contains("conv1/kernel and output/kernel") && message.contains("dense/kernel"),
        "{message}"
    );

    let shapes: [(&str, &[u64]); 2] = [("conv1/kernel", &[3, 3, 1, 16]), ("output/kernel", &[32, 11])];
    let error = refused(&save_variables(folder.path(), "misfit", &shapes)).to_string();
    for part in [
        "output/kernel has shape [32, 11] instead of [32, 10]",
        "conv2/kernel is missing",
    ] {
        assert!(error.contains(part), "{error}");
    }

    let damaged = folder.path().join("damaged");
    for suffix in ["index", "data-00000-of-00001"] {
        let from = golden("baseline").join(format!("final.ckpt.{suffix}"));
        let mut bytes = fs::read(from).unwrap();
        if suffix != "index" {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        fs::write(folder.path().join(format!("damaged.{suffix}")), bytes).unwrap();
    }
    let error = refused(&damaged);
    assert!(
        matches!(
            error,
            SavedModelError::Graph(GraphError::Checkpoint(CheckpointError::Damaged { .. }))
        ),
        "{error}"
    );
}

fn save_variables(folder: &Path, name: &str, shapes: &[(&str, &[u64])]) -> PathBuf {
    let scope = Scope::new(Some(1));
    for (variable, shape) in shapes {
        Variable::new(&scope, variable, shape, Initializer::Zeros).unwrap();
    }
    let initialize = scope.global_variables_initializer().unwrap();
    let saver = Saver::new(&scope, &scope.variables()).unwrap();
    let session = Session::new(&SessionOptions::new(), &scope.graph()).unwrap();
    let mut args = SessionRunArgs::new();
    args.add_target(&initialize);
    session.run(&mut args).unwrap();
    let prefix = folder.join(name);
    saver.save(&session, &prefix).unwrap();
    prefix
}

#[test]
fn a_base_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for base in [file.clone(), file.join("below")] {
        let error = export(&final_checkpoint("baseline"), &base, None)
            .unwrap_err()
            .to_string();
        assert!(error.contains(&base.display().to_string()), "{error}");
    }
}

#[test]
fn a_classifier_says_the_same_of_a_checkpoint_and_of_its_export() {
    let digits = HundredDigits::read();
    for (network, kind) in NETWORKS {
        let folder = tempfile::tempdir().unwrap();
        export(&final_checkpoint(network), folder.path(), None).unwrap();
        let options = SessionOptions::new();
        let checkpoint = Classifier::open(&final_checkpoint(network), &options).unwrap();
        let exported = Classifier::open(folder.path(), &options).unwrap();
        assert_eq!((checkpoint.kind(), exported.kind()), (Some(kind), None));
        let expected = checkpoint.probabilities(&digits.floats).unwrap();
        assert!(greatest_difference(&expected, &hundred_digits::python_s_probabilities(network)) < 1e-5);
        let answer = exported.probabilities(&digits.floats).unwrap();
        assert!(greatest_difference(&expected, &answer) < 1e-6);
        assert!(exported.probabilities(&[]).unwrap().is_empty());
    }
}

#[test]
fn a_damaged_saved_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let exported = export(&final_checkpoint("baseline"), folder.path(), None).unwrap();
    let graph = exported.path.join("saved_model.pb");
    let whole = fs::read(&graph).unwrap();
    let open = || Classifier::open(&exported.path, &SessionOptions::new()).map(drop);
    for length in [0, whole.len() / 2, whole.len() - 1] {
        fs::write(&graph, &whole[..length]).unwrap();
        let error = open().unwrap_err();
        assert!(matches!(error, ClassifierError::Load { .. }), "{length}: {error}");
    }
    fs::write(&graph, &whole).unwrap();
    fs::remove_file(exported.path.join("variables/variables.index")).unwrap();
    assert!(open().is_err());
}
