//! Rows that go to other processes as bytes: the same bits as those that are fed as float32.

use support::networks::table;
use support::replicas::{self, Place, devices};
use support::{bits, runs};
use tensorflow::{Session, SessionRunArgs, Tensor};
use tf_mnist::dataset::{self, Form, RandomTranslation};
use tf_mnist::graph::GraphSession;
use tf_mnist::model::{BuildOptions, Network, Towers};
use tf_mnist::session::SessionConfig;
use tf_mnist::training::TrainingSession;

/// Two devices of this process by names that are as those of two processes.
fn apart() -> Vec<String> {
    vec!["/device:CPU:0".to_owned(), "/job:localhost/replica:0/task:0/device:CPU:1".to_owned()]
}

fn build(network: &str, devices: &[String]) -> Network {
    let options = BuildOptions { seed: Some(1), towers: Towers::AsPublished, ..BuildOptions::default() };
    Network::build_on(devices, &table(network), &options).unwrap()
}

#[test]
fn training_and_evaluation_are_those_of_floats() {
    support::load_reproducible();
    let dataset = dataset::load_from(runs::small_mnist(), &Form::default()).unwrap();
    let translation = RandomTranslation::new(1, 2, 2);
    let run = |devices: &[String], is_bytes: bool| {
        let network = build("optimized", devices);
        assert_eq!(network.inputs.takes_bytes(), is_bytes);
        let session = GraphSession::new(&network.graph, &replicas::options(2, Place::Devices)).unwrap();
        let mut session = TrainingSession::on(session, network);
        session.initialize().unwrap();
        // Batches of two sizes.
        let losses = [0..11, 11..22, 22..35].map(|rows| {
            let rows: Vec<_> = rows.collect();
            let step = rows[0] as u64;
            session.train(&dataset.train, &rows, step, 0.01, translation.as_ref()).unwrap().to_bits()
        });
        let mut probabilities = Vec::new();
        let seen = |_: &[i32], chunk: &[f32]| probabilities.extend(bits(chunk));
        let tested = session.test(&dataset.test, 70, seen).unwrap();
        let (rows, split) = ((0..20).collect::<Vec<_>>(), &dataset.validation);
        let validated = session.test(split, 70, |_, _| {}).unwrap();
        let counted = [session.evaluate_rows(split, &rows).unwrap(), validated];
        (losses, probabilities, tested, counted)
    };
    assert!(run(&devices(2, Place::Devices), false) == run(&apart(), true));
}

/// Also where TensorFlow's graph optimizer is on, which turns a division by a constant into a product.
#[test]
fn every_byte_becomes_the_float_that_it_is_elsewhere() {
    support::load_reproducible();
    let network = build("baseline", &apart());
    let config = SessionConfig { replicas: 2, ..SessionConfig::default() };
    let session = Session::new(&config.session_options().unwrap(), &network.graph.graph()).unwrap();
    support::run_target(&session, &network.initialize);
    let bytes: Vec<u8> = (0..2 * 784).map(|place| (place % 256) as u8).collect();
    let expected: Vec<u32> = bytes.iter().map(|&byte| (f32::from(byte) / 255.0).to_bits()).collect();
    let images = Tensor::new(&[2, 784]).with_values(&bytes).unwrap();
    let labels = Tensor::new(&[2]).with_values(&[3, 4]).unwrap();
    let converted = |path: String| network.graph.graph().operation_by_name_required(&path).unwrap();
    for replica in 0..2 {
        for (tower, expected) in
            [("inference", &expected[..]), ("training", &expected[replica * 784..][..784])]
        {
            let converted = converted(format!("replica_{replica}/{tower}/to_floats/scaled"));
            let mut args = SessionRunArgs::new();
            args.add_feed(&network.inputs.x.operation, 0, &images);
            args.add_feed(&network.inputs.labels.operation, 0, &labels);
            let token = args.request_fetch(&converted, 0);
            session.run(&mut args).unwrap();
            assert_eq!(bits(&args.fetch::<f32>(token).unwrap()), expected, "{tower} of replica {replica}");
        }
    }
}
