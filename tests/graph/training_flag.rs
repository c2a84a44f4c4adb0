//! The optimized network trains only when it is told to.

use support::graph_session::{GraphSession, load, tensor};
use support::networks::{build, table};
use support::values::Values;
use tensorflow::Tensor;
use tf_mnist::model::{Network, Towers};

const ROWS: u64 = 4;

struct Trial {
    network: Network,
    session: GraphSession,
    images: Tensor<f32>,
    labels: Tensor<i32>,
}

impl Trial {
    fn new() -> Self {
        load();
        let network = build(&table("optimized"), Some(1), Towers::AsPublished);
        let session = GraphSession::open(&network.graph);
        session.initialize(&network.graph);
        let images = tensor(&[ROWS, 784], &Values::new(41).vector(ROWS as usize * 784, 0.0, 1.0));
        let labels = tensor(&[ROWS], &[7, 2, 1, 0]);
        Self { network, session, images, labels }
    }

    fn train(&self, flag: Option<bool>, fetch_loss: bool) -> tf_mnist::graph::Result<Vec<Vec<f32>>> {
        let inputs = &self.network.inputs;
        let flag = flag.map(|flag| tensor(&[], &[flag]));
        let mut step = self.session.step();
        step = step.feed(&inputs.x, &self.images).feed(&inputs.labels, &self.labels);
        step = step.target(&self.network.train);
        if let Some(flag) = &flag {
            step = step.feed(&inputs.training.as_ref().unwrap().flag, flag);
        }
        if fetch_loss {
            step = step.fetch(&self.network.loss);
        }
        step.run()
    }
}

#[test]
fn a_training_step_without_the_flag_says_so_and_changes_nothing() {
    let trial = Trial::new();
    let before = trial.session.values(&trial.network.graph);
    for flag in [None, Some(false)] {
        let error = trial.train(flag, false).unwrap_err().to_string();
        assert!(error.contains("a training step needs inputs/training fed with true"), "{error}");
        // With the loss fetched, TensorFlow may report the dead loss first; it must fail all the same.
        assert!(trial.train(flag, true).is_err());
        assert!(trial.session.values(&trial.network.graph) == before, "a variable changed");
    }
}

#[test]
fn with_the_flag_it_changes_every_variable() {
    let trial = Trial::new();
    let before = trial.session.values(&trial.network.graph);
    let loss = trial.train(Some(true), true).unwrap().remove(0);
    assert!(loss[0].is_finite());
    for (name, after) in trial.session.values(&trial.network.graph) {
        assert!(after.iter().all(|x| x.is_finite()), "{name}");
        assert!(after != before[&name], "{name} did not change");
    }
}

#[test]
fn evaluation_needs_no_flag_and_changes_nothing() {
    let trial = Trial::new();
    let before = trial.session.values(&trial.network.graph);
    let (network, session) = (&trial.network, &trial.session);
    let step = || session.step().feed(&network.inputs.x, &trial.images);
    let probabilities = step().fetch(&network.evaluations[0].probabilities).run().unwrap().remove(0);
    for row in probabilities.chunks_exact(10) {
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6, "{row:?}");
    }
    step()
        .feed(&network.inputs.labels, &trial.labels)
        .fetch(&network.evaluations[0].accuracy.mean)
        .run()
        .unwrap();
    assert_eq!(session.values(&network.graph), before);
}
