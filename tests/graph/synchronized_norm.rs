//! A batch norm over the rows of three replicas, against float64 over all of them.

use support::float64_reference::{self as reference, Array};
use support::graph_session::{GraphSession, graph};
use support::values::Values;
use tensorflow::Output;
use tf_mnist::graph::{
    BatchNorm, BatchNormConfig, GraphError, Loss, Result, Scope, Statistics, Subgraph, gradients_at,
};

const CONFIG: BatchNormConfig = BatchNormConfig { momentum: 0.9, epsilon: 0.001 };
const CHANNELS: usize = 3;
/// Rows of each replica.
const SHARDS: [usize; 3] = [4, 1, 2];

/// What it makes of some rows: normalized values, gradients of their sum times `weights` in x, gamma and beta, and what the
/// moving averages are to move towards.
struct Found {
    y: Vec<f64>,
    in_x: Vec<f64>,
    in_gamma: Vec<f64>,
    in_beta: Vec<f64>,
    averages: [Vec<f64>; 2],
}

/// Its input, each row of the shape `row`, and what is behind it.
struct Trial {
    row: Vec<usize>,
    x: Vec<f32>,
    weights: Vec<f32>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
}

impl Trial {
    fn new(row: &[usize], offset: f32) -> Self {
        let mut random = Values::new(31);
        let row = [row, &[CHANNELS]].concat();
        let len = SHARDS.iter().sum::<usize>() * row.iter().product::<usize>();
        // Of standard deviation 1.
        let x = random.vector(len, offset - 3.0f32.sqrt(), offset + 3.0f32.sqrt());
        let weights = random.vector(len, -1.0, 2.0);
        let [gamma, beta] = [random.vector(CHANNELS, 0.5, 1.5), random.vector(CHANNELS, -0.2, 0.2)];
        Self { row, x, weights, gamma, beta }
    }

    /// By its definition.
    fn wanted(&self) -> Found {
        let wide = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let shape = [&[SHARDS.iter().sum()], &self.row[..]].concat();
        let (x, gamma) = (Array::from_f32(&shape, &self.x), wide(&self.gamma));
        let (mean, variance) = reference::moments(&x);
        let epsilon = f64::from(CONFIG.epsilon);
        let moments = (mean.clone(), variance.clone());
        let y = reference::normalize(&x, &moments, &gamma, &wide(&self.beta), epsilon).values;
        let ones = [1.0; CHANNELS];
        let normalized = reference::normalize(&x, &moments, &ones, &[0.0; CHANNELS], epsilon).values;
        let sums = |values: &dyn Fn(usize) -> f64| {
            let mut sums = vec![0.0; CHANNELS];
            (0..y.len()).for_each(|at| sums[at % CHANNELS] += values(at));
            sums
        };
        let weights = wide(&self.weights);
        let in_beta = sums(&|at| weights[at]);
        let in_gamma = sums(&|at| weights[at] * normalized[at]);
        let count = (y.len() / CHANNELS) as f64;
        let in_x = (0..y.len()).map(|at| {
            let c = at % CHANNELS;
            let off = weights[at] - (in_beta[c] + normalized[at] * in_gamma[c]) / count;
            gamma[c] / (variance[c] + epsilon).sqrt() * off
        });
        let in_x = in_x.collect();
        let bessel = if shape.len() == 4 { count / (count - 1.0) } else { 1.0 };
        let averages = [mean, variance.iter().map(|variance| variance * bessel).collect()];
        Found { y, in_x, in_gamma, in_beta, averages }
    }

    /// By three towers.
    fn found(&self) -> Found {
        let tower = graph(None);
        let dims: Vec<_> =
            std::iter::once(None).chain(self.row.iter().map(|&dim| Some(dim as i64))).collect();
        let [x, weights] = ["x", "weights"].map(|name| tower.placeholder::<f32>(name, &dims).unwrap());
        let norm = BatchNorm::new(&tower, "norm", CHANNELS as u64, CONFIG).unwrap();
        let (y, norm) = norm.apply_synchronized(&tower, &x).unwrap();
        let product = tower.op("Mul", "product").input(&y).input(&weights).output().unwrap();
        let axes: Vec<_> = (0..dims.len() as i32).collect();
        let axes = tower.constant("axes", &[axes.len() as u64], &axes).unwrap();
        let sum = tower.op("Sum", "sum").input(&product).input(&axes).output().unwrap();
        let loss = Loss::new(&tower, sum).unwrap().with_gradients_of([norm.term.clone()]);
        let (gamma, beta) = (norm.norm.gamma.read().clone(), norm.norm.beta.read().clone());
        let in_these = gradients_at(&tower, &loss, &[x.clone(), gamma.clone(), beta.clone()]).unwrap();
        let gives = [&[y], &in_these[..]].concat();
        let tower = Subgraph::new(&tower, &[x, weights, gamma, beta], &gives).unwrap();

        let chief = Scope::new(None);
        let all: usize = SHARDS.iter().sum();
        let channels = |name, values: &[f32]| chief.constant(name, &[CHANNELS as u64], values).unwrap();
        let (gamma, beta) = (channels("gamma", &self.gamma), channels("beta", &self.beta));
        let row_len: usize = self.row.iter().product();
        let mut start = 0;
        let mut towers: Vec<_> = SHARDS
            .iter()
            .map(|rows| {
                let part = start..start + rows * row_len;
                start = part.end;
                let shape: Vec<_> =
                    [&[*rows], &self.row[..]].concat().iter().map(|&dim| dim as u64).collect();
                let part = |values: &[f32]| chief.constant("part", &shape, &values[part.clone()]).unwrap();
                let takes = [part(&self.x), part(&self.weights), gamma.clone(), beta.clone()];
                tower.begin(&chief, "tower", "/device:CPU:0", &takes).unwrap()
            })
            .collect();
        let shares = SHARDS.map(|rows| chief.scalar("share", rows as f32 / all as f32).unwrap());
        let own: Vec<_> = towers.iter().map(|tower| tower.take(&norm.own).unwrap()).collect();
        let statistics = Statistics::combine(&chief, &shares, &own).unwrap();
        for tower in &mut towers {
            tower.give(&norm.all, &statistics.all).unwrap();
        }
        let [in_gamma, in_beta] = [&gives[2], &gives[3]].map(|output| {
            let parts: Vec<_> = towers.iter().map(|tower| tower.take(output).unwrap()).collect();
            let sum = chief.op("AddN", "sum").input_list(&parts).int("N", parts.len() as i64);
            sum.output().unwrap()
        });
        let in_own = norm.differentiate(&chief, &statistics, &gamma, [&in_gamma, &in_beta]).unwrap();
        let given: Vec<_> = towers
            .iter_mut()
            .zip(in_own)
            .map(|(tower, in_own)| {
                tower.give(&norm.gradients, &in_own).unwrap();
                tower.finish().unwrap()
            })
            .collect();
        let all_rows = chief.scalar("all_rows", all as f32).unwrap();
        let averages = norm.moving_averages(&chief, &statistics, &all_rows).unwrap();
        let session = GraphSession::open(&chief);
        let wide = |output: &Output| session.value(output).into_iter().map(f64::from).collect::<Vec<_>>();
        let joined = |place: usize| given.iter().flat_map(|given| wide(&given[place])).collect();
        Found {
            y: joined(0),
            in_x: joined(1),
            in_gamma: wide(&in_gamma),
            in_beta: wide(&in_beta),
            averages: averages.map(|average| wide(&average.value)),
        }
    }

    /// Whether all is right to that share of the greatest value, or of what is added up to it.
    fn check(&self, tolerance: f64) {
        let (found, wanted) = (self.found(), self.wanted());
        let greatest = |values: &[f64]| values.iter().map(|x| x.abs()).fold(0.0, f64::max);
        let weights: f64 = self.weights.iter().map(|weight| f64::from(weight.abs())).sum();
        let pairs = [
            ("y", &found.y, &wanted.y, greatest(&wanted.y)),
            ("the gradient in x", &found.in_x, &wanted.in_x, greatest(&wanted.in_x)),
            ("the gradient in gamma", &found.in_gamma, &wanted.in_gamma, weights),
            ("the gradient in beta", &found.in_beta, &wanted.in_beta, weights),
            ("the mean", &found.averages[0], &wanted.averages[0], greatest(&wanted.averages[0])),
            ("the variance", &found.averages[1], &wanted.averages[1], greatest(&wanted.averages[1])),
        ];
        for (what, found, wanted, size) in pairs {
            assert_eq!(found.len(), wanted.len());
            let worst = found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(worst <= tolerance * size, "{what}: off by {worst} of {size}");
        }
    }

    /// How far a variance would be off, as a share of it, as the mean square less the square of the mean.
    fn by_squares(&self) -> f64 {
        let shape = [&[SHARDS.iter().sum()], &self.row[..]].concat();
        let (_, wanted) = reference::moments(&Array::from_f32(&shape, &self.x));
        let off = wanted.into_iter().enumerate().map(|(first, wanted)| {
            let channel = || self.x.iter().skip(first).step_by(CHANNELS).copied();
            let count = channel().count() as f32;
            let (sum, squares) = (channel().sum::<f32>(), channel().map(|x| x * x).sum::<f32>());
            let variance = squares / count - (sum / count).powi(2);
            (f64::from(variance) - wanted).abs() / wanted
        });
        off.fold(0.0, f64::max)
    }
}

/// float32 knows a mean of 1000 to 3e-5, which is as much of the standard deviation of 1, and a sum of 120 such values to some
/// times of it. Squares of 1e6 it knows to 0.06.
fn check(row: &[usize]) {
    Trial::new(row, 0.3).check(1e-6);
    let (far, tolerance) = (Trial::new(row, 1000.0), 3e-4);
    far.check(tolerance);
    assert!(far.by_squares() > 10.0 * tolerance, "{}", far.by_squares());
}

#[test]
fn images() {
    check(&[6, 5]);
}

#[test]
fn rows() {
    check(&[]);
}

#[test]
fn what_it_cannot_normalize_is_refused_by_name() {
    let scope = graph(None);
    let norm = BatchNorm::new(&scope, "norm", 3, CONFIG).unwrap();
    for (dims, shown) in
        [(&[None, Some(2), Some(3)][..], "[?, 2, 3]"), (&[None, None, Some(2), Some(3)], "[?, ?, 2, 3]")]
    {
        let x = scope.placeholder::<f32>("x", dims).unwrap();
        let Err(error) = norm.apply_synchronized(&scope.name_scope("conv"), &x) else { panic!("{dims:?}") };
        assert!(matches!(&error, GraphError::Unfit { .. }));
        let text = error.to_string();
        assert!(text.contains("/batch_normalization") && text.contains("rank 2 or 4"), "{text}");
        assert!(text.ends_with(shown), "{text}");
    }
    let none: Result<_> = Statistics::combine(&scope, &[], &[]);
    assert!(none.unwrap_err().to_string().contains("no replica"));
    let share = scope.scalar("share", 1.0f32).unwrap();
    let own = scope.placeholder::<f32>("own", &[Some(2), Some(3)]).unwrap();
    let fewer = Statistics::combine(&scope, &[share], &[own.clone(), own]);
    assert!(fewer.unwrap_err().to_string().contains("1 shares of the rows for 2 replicas"));
}
