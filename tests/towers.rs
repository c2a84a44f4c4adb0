//! The fast towers compute the function of those that Python's front end builds.

mod support;

use support::{Feeds, golden};
use tensorflow::{Session, SessionRunArgs};
use tf_mnist::graph::{Checkpoint, Precision};
use tf_mnist::model::{self, BaselineConfig, Network, OptimizedConfig, Towers};

const FAST: Towers = Towers::Fast {
    precision: Precision::F32,
};

/// A network in a session, with the values of a checkpoint of Python's.
struct Restored {
    network: Network,
    session: Session,
}

impl Restored {
    fn new(build: impl FnOnce() -> Network, checkpoint: &str) -> Self {
        support::load_reproducible();
        let network = build();
        let session = Session::new(&support::reproducible_options(), &network.graph.graph()).unwrap();
        network.saver.restore(&session, &golden(checkpoint)).unwrap();
        Self { network, session }
    }

    fn optimized(towers: Towers, checkpoint: &str) -> Self {
        // Without dropout: masks of the two kinds differ.
        let config = OptimizedConfig {
            towers,
            pool_dropout: 0.0,
            fc_dropout: 0.0,
            ..Default::default()
        };
        Self::new(|| model::optimized(&config).unwrap(), checkpoint)
    }

    fn baseline(towers: Towers) -> Self {
        let config = BaselineConfig {
            towers,
            ..Default::default()
        };
        Self::new(|| model::baseline(&config).unwrap(), "baseline/final.ckpt")
    }

    /// The logits of the first 1000 rows of the validation set.
    fn logits(&self) -> Vec<f32> {
        let rows: Vec<usize> = (0..1000).collect();
        let mut feeds = Feeds::new(rows.len());
        feeds.gather(&support::mnist().validation, &rows);
        support::fetch(
            &self.session,
            &self.network.logits,
            &[(&self.network.inputs.x, &feeds.images)],
        )
    }
}

fn assert_agree(plain: &[f32], fast: &[f32], tolerance: f32) {
    let worst = plain
        .iter()
        .zip(fast)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(worst <= tolerance, "logits differ by {worst}");
    assert!(plain != fast, "the towers are the same: nothing was compared");
    for (row, (a, b)) in plain.chunks(10).zip(fast.chunks(10)).enumerate() {
        assert_eq!(class(a), class(b), "row {row}: {a:?} and {b:?}");
    }
}

fn class(logits: &[f32]) -> Option<usize> {
    (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
}

#[test]
fn batch_norms_folded_into_kernels_give_the_same_logits() {
    let checkpoint = "optimized_nodrop/final.ckpt";
    let plain = Restored::optimized(Towers::AsPublished, checkpoint).logits();
    let fast = Restored::optimized(FAST, checkpoint).logits();
    assert_agree(&plain, &fast, 1e-4);
}

#[test]
fn the_baseline_s_logits_in_bfloat16_are_near() {
    let plain = Restored::baseline(Towers::AsPublished).logits();
    let bf16 = Restored::baseline(Towers::Fast {
        precision: Precision::Bf16,
    })
    .logits();
    // bfloat16 has 8 bits: each product is off by up to 2^-8, and errors of 9 to 144 products average out.
    let worst = plain
        .iter()
        .zip(&bf16)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    let size = plain.iter().map(|a| a.abs()).fold(0.0, f32::max);
    assert!(worst > 0.0 && worst < size / 64.0, "{worst} of {size}");
}

#[test]
fn the_optimized_network_s_logits_in_bfloat16_are_near_and_it_trains() {
    let plain = Restored::optimized(Towers::AsPublished, "optimized_nodrop/final.ckpt").logits();
    let restored = Restored::optimized(
        Towers::Fast {
            precision: Precision::Bf16,
        },
        "optimized_nodrop/final.ckpt",
    );
    let bf16 = restored.logits();
    // Two layers of bfloat16 products behind one another.
    let worst = plain
        .iter()
        .zip(&bf16)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    let size = plain.iter().map(|a| a.abs()).fold(0.0, f32::max);
    assert!(worst > 0.0 && worst < size / 16.0, "{worst} of {size}");

    let mut feeds = Feeds::new(100);
    let rows: Vec<usize> = (0..100).collect();
    feeds.gather(&support::mnist().train, &rows);
    let losses: Vec<_> = (0..10)
        .map(|step| support::train_step(&restored.session, &restored.network, &feeds, step))
        .collect();
    assert!(losses[9] < losses[0], "{losses:?}");
}

/// One step from the same weights: Adam's first average is then a tenth of each gradient.
#[test]
fn gradients_are_those_of_the_plain_tower_within_rounding() {
    let folder = tempfile::tempdir().unwrap();
    let after_one_step = |towers, name: &str| {
        let restored = Restored::optimized(towers, "optimized/init.ckpt");
        let rows: Vec<usize> = (0..100).collect();
        let mut feeds = Feeds::new(rows.len());
        feeds.gather(&support::mnist().train, &rows);
        let loss = support::train_step(&restored.session, &restored.network, &feeds, 0);
        let prefix = folder.path().join(name);
        restored.network.saver.save(&restored.session, &prefix).unwrap();
        (loss, Checkpoint::open(&prefix).unwrap())
    };
    let (plain_loss, plain) = after_one_step(Towers::AsPublished, "plain");
    let (fast_loss, fast) = after_one_step(FAST, "fast");
    assert!(
        (plain_loss - fast_loss).abs() <= 1e-6 * plain_loss,
        "{plain_loss} and {fast_loss}"
    );

    let biases = ["conv1/bias", "conv2/bias", "fc1/bias", "output/bias"];
    let mut compared = 0;
    for (name, _) in plain.tensors() {
        let values = |checkpoint: &Checkpoint| checkpoint.read_f32(name).unwrap();
        match name.strip_suffix("/Adam") {
            // Frozen: no gradient is taken of them, in truth it is zero.
            Some(variable) if biases.contains(&variable) => {
                assert!(values(&fast).iter().all(|&m| m == 0.0), "{name}");
                assert!(values(&plain).iter().all(|m| m.abs() < 1e-6), "{name}");
            }
            Some(_) => {
                let (a, b) = (values(&plain), values(&fast));
                let size = a.iter().map(|m| m.abs()).fold(0.0, f32::max);
                let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(worst <= 1e-5 * size, "{name}: {worst} of {size}");
                compared += 1;
            }
            None => {}
        }
    }
    assert_eq!(compared, 12);
}

#[test]
fn moving_averages_move_alike() {
    let mut feeds = Feeds::new(100);
    let rows: Vec<usize> = (0..100).collect();
    feeds.gather(&support::mnist().train, &rows);
    let moving = |towers| {
        let restored = Restored::optimized(towers, "optimized/init.ckpt");
        support::train_step(&restored.session, &restored.network, &feeds, 0);
        let network = &restored.network;
        let variables = network.graph.variables();
        let moving = variables
            .iter()
            .filter(|variable| variable.name().contains("moving_"));
        let mut args = SessionRunArgs::new();
        let tokens: Vec<_> = moving
            .map(|variable| args.request_fetch(&variable.read().operation, variable.read().index))
            .collect();
        restored.session.run(&mut args).unwrap();
        tokens
            .into_iter()
            .flat_map(|token| args.fetch::<f32>(token).unwrap().to_vec())
            .collect::<Vec<_>>()
    };
    let (plain, fast) = (moving(Towers::AsPublished), moving(FAST));
    assert_eq!(plain.len(), 2 * (16 + 32 + 32 + 10));
    for (a, b) in plain.iter().zip(&fast) {
        assert!((a - b).abs() <= 1e-5 * a.abs().max(1e-2), "{a} and {b}");
    }
}
